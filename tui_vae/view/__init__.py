"""Pure logic of all front ends: the state of a run, down-sampling, number formats, character cells."""
