"""From a delivery to a table."""
