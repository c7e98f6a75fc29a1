"""Pure logic behind every front end: the state of a run, down-sampling, number formats, character cells."""
