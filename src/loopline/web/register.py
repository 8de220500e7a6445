"""Every page and every action, from the modules that make them."""

from __future__ import annotations

from loopline.web.page import Action, Page

PAGES: tuple[Page, ...] = ()
ACTIONS: tuple[Action, ...] = ()

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
