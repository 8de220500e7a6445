"""Where the stages of the loop stand on a ring, and the arrows between them. Pure."""

from __future__ import annotations

from math import cos, pi, sin

SIDE, RADIUS = 640, 236
"""Of the drawing, in units of its own; the ring's middle is the drawing's."""
STAGES = 7
Point = tuple[float, float]


def place(at: float, of: int = STAGES, *, radius: float = RADIUS) -> Point:
    """Where a stage's middle is on the ring, clockwise from the top; between two stages where `at` is no whole number."""
    angle = 2 * pi * at / of - pi / 2
    return round(SIDE / 2 + radius * cos(angle), 1), round(SIDE / 2 + radius * sin(angle), 1)


def ways() -> tuple[tuple[Point, Point], ...]:
    """Where the arrow from each stage to the next begins and ends."""
    return tuple((place(at + 0.385), place(at + 0.6)) for at in range(STAGES))
