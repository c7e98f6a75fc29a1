"""What both front ends and the commands use: one use case of the program a module."""
