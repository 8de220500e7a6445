"""The pages and actions of the charter's section."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages.charter import customers, documents, history, overriding, page, signing, whatif

PAGES: tuple[Page, ...] = (*page.PAGES, *documents.PAGES, *whatif.PAGES, *history.PAGES, *customers.PAGES)
ACTIONS: tuple[Action, ...] = (*signing.ACTIONS, *overriding.ACTIONS, *customers.ACTIONS)
