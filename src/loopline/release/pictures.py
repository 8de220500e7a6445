"""The picture of a release: which package decided when, and which was on trial beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from loopline.charts import BAR, BLUE, DESK, PAPER, WIDE, Spec, chart, words

_DAYS = timedelta(days=6)
"""What lasted longer is told by its days alone."""


def served(reigns: Sequence[Mapping[str, Any]], until: str, *, width: int = WIDE) -> Spec | None:
    """The reigns and trials over time, a line for each package; None where no package has decided.

    Parameters
    ----------
    reigns
        As `loopline.release.record.told` gives them.
    until
        This moment, at which what lasts is drawn to end.
    """
    if not reigns:
        return None
    spans = [(reign["package"], reign["since"], reign["until"], "decided") for reign in reigns]
    trials = {(one["package"], one["since"]): one for reign in reigns for one in reign["trials"]}
    spans += [(package, since, one["until"], "on trial") for (package, since), one in trials.items()]
    names = list(dict.fromkeys(words(package[:8]) for package, _, _, _ in sorted(spans, key=lambda span: span[1])))
    rows = [{"package": words(package[:8]), "from": since, "to": end or until, "kind": kind} for package, since, end, kind in spans]
    lasts = datetime.fromisoformat(max(row["to"] for row in rows)) - datetime.fromisoformat(min(row["from"] for row in rows))
    format = "%-d %b %Y" if lasts > _DAYS else "%-d %b, %H:%M"
    # A browser's letters may be broader than those that were measured.
    axis = {"title": None, "tickCount": 6 if width > DESK else 3, "labelOverlap": "greedy", "labelSeparation": 24, "format": format}
    x = {"type": "temporal", "scale": {"type": "utc"}, "axis": axis}
    encoding = {
        "y": {"field": "package", "type": "nominal", "sort": names, "axis": {"title": None, "ticks": False}},
        "x": {"field": "from", **x},
        "x2": {"field": "to"},
    }
    layers: list[Spec] = [
        {
            "transform": [{"filter": f"datum.kind === '{kind}'"}],
            "mark": {"type": "bar", "height": {"band": 0.55}, "cornerRadius": 2, "minBandSize": 2, **mark},
            "encoding": encoding,
        }
        for kind, mark in (("decided", {"color": BAR}), ("on trial", {"color": PAPER, "stroke": BLUE, "strokeWidth": 1.5}))
    ]
    note = "Filled: it decided. Hollow: it was on trial." if trials else ""
    return chart("Which package decided when", note, rows, layers, width=width, height={"step": 30})
