"""The data pages: tables, contract, quarantine, review, columns, storage and lineage; one module per noun."""
