"""What a look at data proposes: types, rules, and what changed upstream."""
