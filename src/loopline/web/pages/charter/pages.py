"""The pages and actions of the charter's section."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages.charter import documents, history, page, signing, whatif

PAGES: tuple[Page, ...] = (*page.PAGES, *documents.PAGES, *whatif.PAGES, *history.PAGES)
ACTIONS: tuple[Action, ...] = (*signing.ACTIONS,)
