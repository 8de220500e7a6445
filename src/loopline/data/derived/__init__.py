"""Tables made of others, and what is looked up."""
