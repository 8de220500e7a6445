"""The rule by which a package takes traffic: shadow, canary, full, and back."""
