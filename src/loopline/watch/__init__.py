"""Watching: the watch stage."""
