"""Pages behind a door at which people sign in, of a project that has never run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.testclient import TestClient

from loopline.access import sessions
from loopline.access.safe import Safe
from loopline.access.spec import PagesSpec
from loopline.ledger.entry import now
from loopline.web.app import Site, build
from loopline.web.current import Followed
from loopline.web.signed_in import SESSION, SignedIn
from tests.web.world import PEOPLE

PUBLIC = "https://loop.example.com"
DECLARATION = f"""
project: shop
charter:
  predict: y
  stakeholders: {{{", ".join(f"{role}: [{name}]" for role, name in PEOPLE.items())}}}
data: {{sources: {{rows: {{path: rows.csv, key: [id]}}}}}}
"""


@dataclass
class Behind:
    """A browser before the door, and what lies behind it."""

    browser: TestClient
    safe: Safe
    door: SignedIn
    followed: Followed

    def as_person(self, name: str) -> None:
        """Let somebody for whom a provider vouches be signed in."""
        self.browser.cookies.set(f"__Host-{SESSION}", sessions.begin(self.safe, name, self.door.ends, now()), domain="loop.example.com", path="/")


@contextmanager
def behind(folder: Path, spec: PagesSpec | None = None, base_url: str = PUBLIC) -> Iterator[Behind]:
    """The pages of the project in a folder, which is made where there is none, to a browser that has not signed in."""
    folder.mkdir(exist_ok=True)
    if not (folder / "loopline.yaml").exists():
        (folder / "loopline.yaml").write_text(DECLARATION)
    followed = Followed(folder)
    with Safe.open({"LOOPLINE_ACCOUNTS": str(folder / "accounts.db")}) as safe:
        door = SignedIn(safe, PagesSpec(public_url=PUBLIC) if spec is None else spec)
        try:
            with TestClient(
                build(Site({followed.name: followed}, door=door)), base_url=base_url, follow_redirects=False, client=("127.0.0.1", 50_000)
            ) as browser:
                yield Behind(browser, safe, door, followed)
        finally:
            followed.close()


def token(page: str) -> str:
    """What the forms of a page carry."""
    return page.split('name="token" value="')[1].split('"')[0]
