"""Experiments: planned, begun, read at any time, and ended with a winner."""
