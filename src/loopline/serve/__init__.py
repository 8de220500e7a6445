"""Serving: the serve stage."""
