"""DataOps: the data stage."""
