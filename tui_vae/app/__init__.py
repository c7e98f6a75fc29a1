"""The use cases of the program: training, watching, evaluating, listing runs. The commands call these modules."""
