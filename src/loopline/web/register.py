"""Every page and every action, from the modules that make them."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages import loop, work
from loopline.web.pages.ledger import entry, listing, past, proof

MODULES = (
    loop,
    listing,
    past,
    entry,
    proof,
    work,
)
PAGES: tuple[Page, ...] = tuple(page for module in MODULES for page in getattr(module, "PAGES", ()))
ACTIONS: tuple[Action, ...] = tuple(action for module in MODULES for action in getattr(module, "ACTIONS", ()))

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
