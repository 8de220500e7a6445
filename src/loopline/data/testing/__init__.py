"""The contract as unit tests, and samples to look at."""
