"""What rows, batches and tables must satisfy."""
