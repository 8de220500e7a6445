"""The value's pages: what was earned, what it cost, what was compared, and the review."""
