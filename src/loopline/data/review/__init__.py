"""The expert's hand."""
