"""The pages of what is live: windows of what was served, drift, alerts, single predictions, and the server."""
