"""The command line: the only package that sees all the others, and only when a command needs them."""
