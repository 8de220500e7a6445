"""Cost: what running a project takes, where it is cheaper, and what is left of the worth."""
