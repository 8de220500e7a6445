"""Mergeable summaries of columns."""
