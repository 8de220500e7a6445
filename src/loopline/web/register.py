"""Every page and every action, from the modules that make them."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages.data import columns, contract, differences, lineage, overview, quarantine, ready, refused, review, storage, tables
from loopline.web.pages.data import rows as data_rows

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *ready.PAGES,
    *contract.PAGES,
    *tables.PAGES,
    *data_rows.PAGES,
    *differences.PAGES,
    *quarantine.PAGES,
    *refused.PAGES,
    *review.PAGES,
    *columns.PAGES,
    *lineage.PAGES,
    *storage.PAGES,
)
ACTIONS: tuple[Action, ...] = (*tables.ACTIONS, *quarantine.ACTIONS, *refused.ACTIONS, *review.ACTIONS)

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
