"""The charter's pages: why, for whom, what it is worth, who signed, and what other numbers would mean."""
