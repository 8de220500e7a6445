"""Continuous integration of models: a trial of a change in a workspace of its own, and the pipelines that call it."""
