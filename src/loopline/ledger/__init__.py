"""The ledger: facts are appended, never edited."""
