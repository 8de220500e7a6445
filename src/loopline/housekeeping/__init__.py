"""House-keeping: how long what is no longer needed stays, and its removal."""
