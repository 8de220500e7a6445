"""Every page and every action, from the modules that make them."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages.model import board, candidate, card, compare, effects, explain, package

PAGES: tuple[Page, ...] = (*(*board.PAGES, *compare.PAGES, *explain.PAGES, *candidate.PAGES, *package.PAGES, *effects.PAGES, *card.PAGES),)
ACTIONS: tuple[Action, ...] = (*effects.ACTIONS,)

SECTIONS = (
    ("Loop", ""),
    ("Charter", "charter"),
    ("Data", "data"),
    ("Model", "model"),
    ("Release", "release"),
    ("Live", "live"),
    ("Value", "value"),
    ("Ledger", "ledger"),
    ("Customer", "customer"),
)
"""The pages of the navigation: their names, and the first part of their paths."""
