"""Pictures of every page, light and dark, wide, narrow and on a wall: ``make screenshots``.

They are taken of the demo's loop, which is made first where there is none, into build/screenshots; three of them stand in the README.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser

from loopline.web.register import SECTIONS
from tests.web.browser.chromium import browsing
from tests.web.browser.serving import served
from tests.web.walk import walk
from tests.web.world import client

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "loopline-demo"
OUT = ROOT / "build" / "screenshots"
README = ROOT / "docs" / "pictures"
SIZES = {"wide": (1440, 900), "narrow": (380, 800), "wall": (3840, 2160)}
SHOWN = {"loop": "light", "value": "light", "live": "dark"}
"""The pages whose pictures stand in the README, and in which colours."""


def main() -> None:
    """Take all pictures."""
    if not (DEMO / "loopline.yaml").is_file():
        subprocess.run([sys.executable, "-m", "loopline.cli.main", "demo", str(DEMO)], check=True)
    # The demo's owner looks, and not whoever takes the pictures.
    os.environ["LOOPLINE_USER"] = "owner@example.com"
    OUT.mkdir(parents=True, exist_ok=True)
    README.mkdir(exist_ok=True)
    with client(DEMO) as reader:
        base = str(reader.get("/", headers={"accept": "text/html"}).url.path).rstrip("/")
        pages = {step.page.name: step.url for step in walk(reader, base, each=1) if step.page is not None}
    with browsing() as browser, served(DEMO) as address:
        host = address.rpartition("/")[0]
        for file in taken(browser, host, pages):
            print(file)


def taken(browser: Browser, host: str, pages: dict[str, str]) -> Iterator[Path]:
    """The files, one after the other."""
    sections = {path or "loop" for _, path in SECTIONS}
    for scheme in ("light", "dark"):
        for size, (width, height) in SIZES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light")
            tab = context.new_page()
            for name, url in pages.items():
                tab.goto(host + url)
                # Pictures are drawn when a reader comes to them; nobody comes to what a narrow screen folds.
                for picture in tab.locator("main img:visible").all():
                    picture.scroll_into_view_if_needed()
                    picture.evaluate("one => one.decode()")
                tab.evaluate("scrollTo(0, 0)")
                file = OUT / f"{name}-{scheme}-{size}.png"
                tab.screenshot(path=file, full_page=True)
                if size == "wide" and name in sections and SHOWN.get(name) == scheme:
                    tab.screenshot(path=README / f"{name}.png")
                yield file
            context.close()


if __name__ == "__main__":
    main()
