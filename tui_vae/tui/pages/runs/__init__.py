"""The page of stored runs: list, preview and comparison."""
