"""The browser that tests and pictures of pages drive: the Chromium that the system has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

FOUND = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
FOLDERS = ("/usr/lib/chromium",)
LACK = "there is no Chromium here; install Debian's: apt-get install chromium-headless-shell"
# Nothing of it is to ask for anything outside of this machine.
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> Path | None:
    """The program; None where the system has none."""
    for name in FOUND:
        if (path := shutil.which(name)) is not None:
            return Path(path)
        for folder in FOLDERS:
            if (file := Path(folder) / name).is_file():
                return file
    return None


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser without a window.

    Raises
    ------
    FileNotFoundError
        When the system has no Chromium.
    """
    program = chromium()
    if program is None:
        raise FileNotFoundError(LACK)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_QUIET)
        try:
            yield browser
        finally:
            browser.close()
