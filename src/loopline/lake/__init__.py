"""The lake: versioned tables and blobs."""
