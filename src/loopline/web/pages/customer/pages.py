"""The pages and actions of the customers."""

from __future__ import annotations

from loopline.web.page import Action, Page
from loopline.web.pages.customer import feedback, page

PAGES: tuple[Page, ...] = (*page.PAGES,)
ACTIONS: tuple[Action, ...] = (*feedback.ACTIONS,)
