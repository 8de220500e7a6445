"""The pages of the model: who is best, why, and whether to believe it."""
