"""Every page passes the checks of axe-core: contrast, names, order, landmarks; light and dark, wide and narrow; on a narrow screen none is long."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.web.browser.serving import served
from tests.web.walk import walk
from tests.web.world import client

ALL = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], "resultTypes": ["violations"]}
# What else there is to say of a page is the same in every colour and at every width.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
VIEWS = (("light", 1280, ALL), ("dark", 380, COLOURS))

NARROW, SCREENS = 560, 6
"""On a screen so narrow, what matters comes first and the rest is folded."""


def test_no_page_breaks_a_rule_of_access_for_all(browser: Browser, folder):
    with client(folder) as reader:
        addresses = [step.url for step in walk(reader, "/shop", each=1) if step.page is not None]
    context = browser.new_context()
    # What is in a picture is not looked at; drawing them all takes most of the time.
    context.route("**/drawn/*.svg*", lambda route: route.abort())
    tab, broken = context.new_page(), []
    with served(folder) as base:
        for address in addresses:
            tab.goto(base.removesuffix("/shop") + address)
            for scheme, width, rules in VIEWS:
                # Each page is loaded once, and then looked at in another colour and width.
                tab.emulate_media(color_scheme=scheme)
                tab.set_viewport_size({"width": width, "height": 900})
                for one in Axe().run(tab, options=rules).response["violations"]:
                    broken.append(f"{address} in {scheme}: {one['id']} ({one['help']}): {one['nodes'][0]['html'][:160]}")
                wider = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if wider > 1:
                    broken.append(f"{address}: {wider} pixels wider than a screen of {width}")
                screens = tab.evaluate("document.documentElement.scrollHeight / innerHeight")
                if width <= NARROW and screens > SCREENS:
                    broken.append(f"{address}: {screens:.1f} screens long")
    context.close()
    assert not broken, "\n".join(broken)
