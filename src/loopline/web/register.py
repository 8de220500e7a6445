"""Every page and every action, from the modules that make them."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages.charter import pages as charter
from loopline.web.pages.customer import pages as customer
from loopline.web.pages.value import pages as value

PAGES: tuple[Page, ...] = (*charter.PAGES, *value.PAGES, *customer.PAGES)
ACTIONS: tuple[Action, ...] = (*charter.ACTIONS, *value.ACTIONS, *customer.ACTIONS)

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
