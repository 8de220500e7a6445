"""ModelOps: the model stage."""
