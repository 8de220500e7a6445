"""The pages of the ledger: its entries, one of them whole, what held at a moment, and whether the chain is intact."""
