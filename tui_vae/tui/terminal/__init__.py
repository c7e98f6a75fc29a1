"""What is written to the terminal and read from it."""
