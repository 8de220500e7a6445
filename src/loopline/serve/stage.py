"""The serve stage's door: what has been served since the last time becomes tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from loopline.data.spec import SPEC
from loopline.engine.step import Step, Steps
from loopline.ledger.spend import USAGE, serving
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.release.rollout.course import newest
from loopline.serve.segments import KINDS, listing
from loopline.serve.spec import ServeSpec
from loopline.workspace import Ask

_PUBLISHING = (
    *(f"serve/{module}.py" for module in ("published", "lookups", "batch", "scorer", "signature", "split", "apart", "outcomes", "log", "segments")),
    *(f"data/{module}.py" for module in ("casting", "contract/contract", "contract/few", "contract/rules", "derived/lookups", "moments")),
    *SPEC,
    *(
        f"model/{module}.py"
        for module in (
            "blocks",
            "encode",
            "formulas",
            "plan",
            "words",
            "package",
            "policy",
            "background",
            "reasons",
            "scoring",
            "calibration",
            "layout",
            "signing",
            "predictor",
        )
    ),
    *(f"charter/{module}.py" for module in ("ranges", "spec", "worth")),
    "declaration.py",
    "expression",
)

Listed = Mapping[str, Mapping[str, int]]
"""From a kind of record to the size in bytes of each of its segments."""


def listed(log_folder: Path) -> Listed:
    """What the log holds now. A run lists it once: while a server answers, the log never stops growing, and the run would never end."""
    return {kind: {segment.name: segment.size_bytes for segment in listing(log_folder, kind)} for kind in KINDS}


_REPORTS = 100


def steps(spec: ServeSpec, ask: Ask, *, log_folder: Path, segments: Listed | None = None) -> Steps:
    """Publish what the package that decides, and one on trial, look up, then collect the prediction log; the facts are the counts of all that was ever served.

    Parameters
    ----------
    log_folder
        The folder of the log's segments (`Lake.log`).
    segments
        What is to be collected, from `listed`; what the folder holds now by default. What was appended later is left for the next run.
    """
    course = newest(ask.state.rollouts)
    on_trial = course.package if course is not None and course.is_live else None
    for name, package in (("publish", ask.state.champion), ("publish for the challenger", on_trial)):
        tables = _looked_into(ask, package)
        if tables:
            yield Step(
                stage="serve", name=name, function="loopline.serve.published:run", reads={}, inputs={"package": package, "tables": tables}, rooms=_PUBLISHING
            )
    facts = yield Step(
        stage="serve",
        name="collect",
        function="loopline.serve.collect:run",
        reads={},
        inputs={
            "segments": listed(log_folder) if segments is None else segments,
            "champion": ask.state.champion,
        },
        rooms=(
            "serve/collect.py",
            "serve/records.py",
            "serve/segments.py",
            "charter/ranges.py",
            "charter/spec.py",
            "charter/worth.py",
            "expression",
            "declaration.py",
        ),
    )
    return facts


def _looked_into(ask: Ask, package: str | None) -> dict[str, Any]:
    """The versions of the tables that a package looks into; empty where it looks nothing up, or the data stage has not come so far."""
    made = ask.state.packages.get(package or "")
    names = made.body["manifest"].get("lookups", ()) if made is not None else ()
    versions = ask.facts.get("data", {}).get("tables", {})
    if any(name not in versions for name in names):
        return {}
    return {name: {part: versions[name][part] for part in ("id", "version")} for name in names}


def following(state: State, ledger: Ledger, at: datetime) -> str:
    """The command that comes next once every stage is done: to serve, unless something was served or a server waits for requests already."""
    if (state.facts("serve", "collect") or {}).get("predictions", {}).get("rows"):
        return "loopline value review"
    # The newest few tell: one that serves reports once an hour.
    reports = ledger.read(kinds=(USAGE,), subject="serve", newest_first=True, limit=_REPORTS)
    return "loopline value review" if serving(reports[::-1], at) else "loopline serve"
