"""The world of the pages with something to decide: a package that waits for a yes, or one on trial beside the champion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loopline.access.keys import own_key
from loopline.ledger.entry import Draft, Entry
from loopline.loop import open_loop
from loopline.model.signing import Trust, declare
from loopline.release.rollout.course import start
from loopline.release.rollout.evidence import Arm, Evidence, Moments
from loopline.release.rollout.plan import Plan
from tests.web.world import RELEASE

PACKAGE = "bb" * 32
PLAN = "canary 10% 1h -> full"


def declared(folder: Path, release: str, *, vouching: bool = True) -> str:
    """The owner of this machine's key, once they hold a role, and the release is declared so; with `vouching` the pages may vouch with another key."""
    with open_loop(folder) as loop:
        owner = Trust.of(loop.workspace.ledger).keys[own_key().public]
    text = (folder / "loopline.yaml").read_text()
    text = text.replace("business: [bea@example.com]", f"business: [bea@example.com, {owner}]").replace(RELEASE, f"release: {release}")
    (folder / "loopline.yaml").write_text(text)
    return owner


def pages_key(folder: Path, monkeypatch: Any) -> str:
    """The key of pages on a machine of their own, which the declaration lets vouch."""
    monkeypatch.setenv("LOOPLINE_KEY", str(folder / "pages.pem"))
    key = own_key().public
    with open_loop(folder) as loop:
        declare(loop.workspace.ledger, {"pages": key})
    return key


def waiting(folder: Path, *, failed: str = "", says: str = "", package: str = PACKAGE) -> None:
    """A package went through the gates, and did not pass one of them where it is named."""
    with open_loop(folder) as loop:
        before = loop.state().latest["release", "gates"].body
        facts: Any = before["facts"]
        gates = [{**gate, "passed": gate["name"] != failed, "says": says or gate["says"]} for gate in facts["gates"]]
        body = {
            **before,
            "facts": {**facts, "package": package, "gates": gates, "passed": not failed, "against": facts["package"]},
        }
        loop.workspace.ledger.append(Draft(kind="step", subject="release", key="gates of another", body=body))


def on_trial(folder: Path) -> None:
    """A package is on trial beside the champion, and has been looked at twice."""
    waiting(folder)
    with open_loop(folder) as loop:
        ledger, champion = loop.workspace.ledger, str(loop.state().champion)
        begun = start(PACKAGE, champion, Plan.model_validate({"plan": PLAN}).as_json(), {"kind": "canary", "share": 0.1}, salt="s", why="a test", parents=())
        (leg,) = ledger.append(begun)
        for many in (200, 400):
            arm = Arm(requests=many, errors=1, latency=Moments(n=many, mean=5.0, m2=many), worth=Moments(n=many, mean=2.0, m2=many))
            seen = Evidence(champion=arm, challenger=arm, currency="EUR").as_json()
            facts = {"says": "", "leg": leg.id, "evidence": [seen]}
            made_from = {"reads": {}, "inputs": {"leg": leg.id}, "code": {}}
            body = {"state": "succeeded", "name": "trial", "facts": facts, "made_from": made_from}
            ledger.append(Draft(kind="step", subject="watch", key=f"trial {many}", body=body))


def entries(folder: Path, kind: str) -> list[Entry]:
    """The entries of a kind, oldest first."""
    with open_loop(folder) as loop:
        return loop.workspace.ledger.read(kinds=(kind,))
