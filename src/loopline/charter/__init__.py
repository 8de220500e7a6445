"""Why: the charter stage."""
