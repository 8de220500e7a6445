"""The engine: where steps run."""
