"""Erasing somebody."""
