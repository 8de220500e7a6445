"""The pages: one frozen view for each, as HTML or as JSON."""
