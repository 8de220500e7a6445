"""The serve stage's door: what has been served since the last time becomes tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loopline.engine.step import Step, Steps
from loopline.serve.segments import KINDS, listing
from loopline.serve.spec import ServeSpec
from loopline.workspace import Ask

Listed = Mapping[str, Mapping[str, int]]
"""From a kind of record to the size in bytes of each of its segments."""


def listed(log_folder: Path) -> Listed:
    """What the log holds now. A run lists it once: while a server answers, the log never stops growing, and the run would never end."""
    return {kind: {segment.name: segment.size_bytes for segment in listing(log_folder, kind)} for kind in KINDS}


def steps(spec: ServeSpec, ask: Ask, *, log_folder: Path, segments: Listed | None = None) -> Steps:
    """Collect the prediction log; the facts are the counts of all that was ever served.

    Parameters
    ----------
    log_folder
        The folder of the log's segments (`Lake.log`).
    segments
        What is to be collected, from `listed`; what the folder holds now by default. What was appended later is left for the next run.
    """
    facts = yield Step(
        stage="serve",
        name="collect",
        function="loopline.serve.collect:run",
        reads={},
        inputs={
            "segments": listed(log_folder) if segments is None else segments,
            "champion": ask.state.champion,
        },
        rooms=("serve/collect.py", "serve/segments.py", "charter/spec.py", "charter/worth.py", "expression", "declaration.py"),
    )
    return facts
