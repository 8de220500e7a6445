"""Whether the data is ready."""
