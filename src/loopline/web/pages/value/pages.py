"""The pages and actions of the value's section."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages.value import experiments, page, told

PAGES: tuple[Page, ...] = (*page.PAGES, *told.PAGES, *experiments.PAGES)
ACTIONS: tuple[Action, ...] = (*experiments.ACTIONS,)
