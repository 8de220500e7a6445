"""Monitors: small named functions in a list, each of which looks at a window and says what it found there.

Each is pure. It returns None where the window cannot be judged (too few rows, still filling), else the breaches, none when all is well.
Together they keep to the declared rate of false alarms, of which each has a share for all features together (`loopline.watch.monitors.watched.SHARES`). So
each has its own small chance to call a window a breach in which nothing has changed. What several features show in one window is one breach that names them.
"""
