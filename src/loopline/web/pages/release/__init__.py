"""The pages of the release: the gates and who has said yes, the rollout that runs, and what decided when."""
