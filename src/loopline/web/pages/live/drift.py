"""How far each feature is from training, and both distributions of one side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from loopline.charts import Spec
from loopline.lake.blobs import Blobs
from loopline.model.package import Package, load_manifest
from loopline.watch import pictures
from loopline.watch.drift import Bins, distance
from loopline.watch.gauge import EXPLANATION, weights
from loopline.watch.latest import own
from loopline.watch.summary import ranked
from loopline.watch.windows import SCORE
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.page import Missing, Page
from loopline.web.pages.live.windows import windows_of
from loopline.web.said import one_of

Body = Mapping[str, Any]
SPANS = (1, 7, 30)
"""So many windows may be put together to one distribution."""
LOOKED_AT = 90
"""So many windows the distance is drawn over."""
REPORTED = 3
"""So many features are shown beside training in a report."""


@dataclass(frozen=True)
class Drift:
    """Every feature of the newest window of the package that decides, those first that are farthest for their limits.

    Parameters
    ----------
    features
        Name, distance, limit, share outside the range.
    """

    title: str
    window: Body | None
    features: tuple[tuple[str, float | None, float | None, float | None], ...]
    picture: Callable[[int], Spec] | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        told = [{"feature": name, "distance": far, "limit": limit, "outside": outside} for name, far, limit, outside in self.features]
        start, package = (None, None) if self.window is None else (self.window["start"], self.window["package"])
        return {"window": start, "package": package, "features": told}


@dataclass(frozen=True)
class Feature:
    """One feature.

    Parameters
    ----------
    rows
        From a bin in words to the rows of the windows in it, their share, and its share in training.
    distance
        That of all these rows together.
    weight
        The share of what the model does that hangs on it; None where the package does not say.
    """

    title: str
    name: str
    package: str
    since: str
    until: str
    many: int
    rows: tuple[tuple[str, int, float, float], ...]
    distance: float | None
    limit: float | None
    outside: float | None
    weight: float | None
    drawn: Callable[[int], Spec]
    over_time: Callable[[int], Spec] | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        bins = [{"bin": name, "rows": rows, "share": now, "share_in_training": then} for name, rows, now, then in self.rows]
        told = {"feature": self.name, "package": self.package, "since": self.since, "until": self.until, "windows": self.many, "bins": bins}
        return {**told, "distance": self.distance, "limit": self.limit, "outside": self.outside, "weight": self.weight}


def view(current: Current, asked: Asked) -> Drift:
    """All features."""
    windows = [held["body"] for held in windows_of(current, LOOKED_AT)]
    window = _newest(current)
    if window is None:
        return Drift("Drift", None, (), None)
    drift, limits, outside = window["drift"], window["drift_limits"], window["outside"]
    told = tuple((name, drift.get(name), limits.get(name), outside.get(name)) for name in ranked(drift, limits))
    scored = () if window["score_drift"] is None else ((SCORE, window["score_drift"], window["score_limit"], None),)
    return Drift("Drift", window, (*told, *scored), lambda width: pictures.drift_map(windows, width=width) or {})


def one(current: Current, asked: Asked) -> Feature:
    """The feature that is named, in the newest windows of the package that decides; where it is in none of these, of the one that served last."""
    name = asked.query.get("name", "")
    many = one_of(SPANS, asked.query.get("windows", ""), 1)
    held = [held for held in windows_of(current, LOOKED_AT) if held["body"]["rows"] and name in held["counts"]]
    if not held:
        raise Missing(f"no window tells of a feature {name[:80]!r}", remedy="the drift page names the features that are watched")
    package = own([one["body"] for one in held], current.state.champion)[-1]["package"]
    mine = [one for one in held if one["body"]["package"] == package]
    chosen, bodies = mine[-many:], [_alone(one["body"], name) for one in mine]
    bins, weight = _reference(current, package, name)
    counts = np.sum([one["counts"][name] for one in chosen], axis=0)
    last, rows = bodies[-1], int(counts.sum()) or 1
    return Feature(
        title=f"Drift of {name}",
        name=name,
        package=package,
        since=chosen[0]["body"]["start"],
        until=chosen[-1]["body"]["end"],
        many=len(chosen),
        rows=tuple(_shares(bins, counts.tolist())),
        distance=float(distance(counts, np.asarray(bins.counts))),
        limit=last["drift_limits"].get(name) if many == 1 else None,
        outside=None if bins.seen is None else sum(one["outside"].get(name, 0) for one in chosen) / rows,
        weight=weight,
        drawn=lambda width: pictures.side_by_side(bins, counts.tolist(), title=f"{name} now, beside training", width=width),
        over_time=None if not any(name in body["drift"] for body in bodies) else lambda width: pictures.distance_over_time(bodies, name, width=width),
    )


def _alone(body: Body, name: str) -> Body:
    """A window of which one feature's distance is asked; that of the score stands apart in it."""
    if name != SCORE:
        return body
    far, limit = body["score_drift"], body["score_limit"]
    return {**body, "drift": {} if far is None else {SCORE: far}, "drift_limits": {} if limit is None else {SCORE: limit}}


def _reference(current: Current, package: str, name: str) -> tuple[Bins, float | None]:
    """The feature's bins in training, and how much hangs on it; of the package only what says so is read."""
    blobs = Blobs(current.workspace.lake)
    manifest = load_manifest(blobs, package)
    files = {file: blobs.get(manifest["files"][file]) for file in ("reference.json", EXPLANATION) if file in manifest["files"]}
    read = Package(package, manifest, files)
    reference = read.parsed("reference.json")
    profile = reference["score"] if name == SCORE else reference["features"].get(name)
    if profile is None:
        raise Missing(
            f"the package knows no feature {name[:80]!r}", where=f"package {package[:12]}", remedy="the drift page names the features that are watched"
        )
    days = max(1, current.project.declaration.watch.window // timedelta(days=1))
    return Bins.of_profile(name, profile, days=days), weights(read).get(name)


def _shares(bins: Bins, counts: Sequence[int]) -> list[tuple[str, int, float, float]]:
    now, then = sum(counts) or 1, bins.rows or 1
    return [(label, rows, rows / now, was / then) for label, rows, was in zip(pictures.labels(bins), counts, bins.counts, strict=True)]


def _farthest(current: Current) -> list[dict[str, str]]:
    """The features that are farthest from training for their limits, for a report."""
    window = _newest(current)
    return [] if window is None else [{"name": name} for name in ranked(window["drift"], window["drift_limits"])][:REPORTED]


def _newest(current: Current) -> Body | None:
    """The newest window with rows of what decides."""
    windows = own([held["body"] for held in windows_of(current, LOOKED_AT)], current.state.champion)
    return next((window for window in reversed(windows) if window["drift"]), None)


PAGES = (
    Page("drift", "/live/drift", view, "live_drift.html.j2"),
    Page("drift of a feature", "/live/drift/feature", one, "live_feature.html.j2", reported=_farthest),
)
