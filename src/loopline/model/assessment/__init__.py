"""What a model is worth and where it fails, as one document of plain values."""
