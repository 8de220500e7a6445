"""Value: the business analysis."""
