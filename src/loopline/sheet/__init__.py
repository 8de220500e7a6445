"""Pages that need nothing from elsewhere: one look for all that is written to be read or printed."""
