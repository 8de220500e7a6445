"""The pages: what the loop knows, for whoever looks; one frozen view per page, as HTML or as JSON."""
