"""How fast storage is."""
