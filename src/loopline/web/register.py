"""Every page and every action, from the modules that make them."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages import live, live_alerts, live_drift, live_predictions, release, release_history, release_rollout

MODULES = (release, release_rollout, release_history, live, live_drift, live_alerts, live_predictions)
PAGES: tuple[Page, ...] = tuple(page for module in MODULES for page in module.PAGES)
ACTIONS: tuple[Action, ...] = tuple(action for module in MODULES for action in module.ACTIONS)

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
