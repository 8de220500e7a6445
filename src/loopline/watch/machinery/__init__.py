"""Monitors of the machinery: whether the server, the pipeline, the storage, the machine and the budget are as they should be."""
