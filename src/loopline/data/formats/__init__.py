"""What deliveries are written in, and their records chunk by chunk."""
