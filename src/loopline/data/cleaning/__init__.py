"""Cells cleaned as declared."""
