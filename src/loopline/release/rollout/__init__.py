"""Rollouts: a package takes traffic step by step, each step by evidence, and the way back is taken by itself."""
