"""Charts of curves: what they show as immutable data, and plotext's drawing of it as rows of styled text."""
