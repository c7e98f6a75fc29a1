"""A run for other tools: its columns, and files of them as CSV, as Parquet and for TensorBoard."""
