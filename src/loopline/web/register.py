"""Every page and every action, from the modules that make them."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages import loop, work
from loopline.web.pages.ledger import entry, listing, past, proof

PAGES: tuple[Page, ...] = (*loop.PAGES, *listing.PAGES, *past.PAGES, *entry.PAGES, *work.PAGES)
ACTIONS: tuple[Action, ...] = (*loop.ACTIONS, *proof.ACTIONS, *work.ACTIONS)

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
