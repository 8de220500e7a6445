"""DevOps: the release stage."""
