"""Every page, every action and every file, from the modules that make them."""

from __future__ import annotations

from loopline.web.page import Action, Download, Page
from loopline.web.pages import loop, work
from loopline.web.pages.charter import pages as charter
from loopline.web.pages.customer import pages as customer
from loopline.web.pages.data import columns, contract, differences, lineage, overview, quarantine, ready, refused, review, rows, storage, tables, waiting
from loopline.web.pages.ledger import entry, listing, past, proof
from loopline.web.pages.live import alerts, drift, predictions, server, windows
from loopline.web.pages.model import board, candidate, card, compare, effects, explain, package, rivals
from loopline.web.pages.release import gates, history, rollout
from loopline.web.pages.value import pages as value

MODULES = (
    loop,
    charter,
    *(overview, ready, contract, tables, rows, differences, quarantine, refused, review, columns, lineage, storage, waiting),
    *(board, compare, rivals, explain, candidate, package, effects, card),
    *(gates, rollout, history),
    *(windows, drift, alerts, predictions, server),
    value,
    *(listing, past, entry, proof),
    customer,
    work,
)
PAGES: tuple[Page, ...] = tuple(page for module in MODULES for page in getattr(module, "PAGES", ()))
ACTIONS: tuple[Action, ...] = tuple(action for module in MODULES for action in getattr(module, "ACTIONS", ()))
DOWNLOADS: tuple[Download, ...] = tuple(file for module in MODULES for file in getattr(module, "DOWNLOADS", ()))

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
