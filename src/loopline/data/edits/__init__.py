"""What persons do to rows of tables."""
