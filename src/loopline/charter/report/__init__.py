"""The study as a document: for whoever decides, and has never trained a model."""
