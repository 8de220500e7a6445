"""Monitors: small named functions in a list, each of which looks at a window and says what it found there.

Each is pure. It returns None where the window cannot be judged (too few rows, still filling), else the breaches, none when all is well.
Together they keep to the declared rate of false alarms: half of it is for drift, over all features and the score together, and the
rest is shared by the others (`SHARES`). So each has its own small chance to call a window a breach in which nothing has changed.
"""
