"""People, roles and keys."""
