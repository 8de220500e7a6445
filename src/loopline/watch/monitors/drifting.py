"""Monitors of drift: features and scores that are not as they were in training."""

from __future__ import annotations

from loopline.watch.limits import apart_limit, limits
from loopline.watch.monitors.watched import NAMED, Breach, Watched, listed
from loopline.watch.windows import SCORE


def drift(watched: Watched) -> list[Breach] | None:
    """Features that the model uses and whose distance from training is no accident, as one breach; `loopline.watch.limits` says how that is told."""
    if not watched.is_judged:
        return None
    seen, limit, weight = watched.window.drift, drift_limits(watched), {bins.name: bins.weight for bins in watched.yardstick.features}
    above = [name for name in limit if seen.get(name, 0.0) > limit[name]]
    if not above:
        return []
    # A distance above the limit, counted by what hangs on the feature.
    above.sort(key=lambda name: -weight[name] * (seen[name] ** 2 - limit[name] ** 2))
    first = above[0]
    told = [f"{name} ({seen[name]:.2f}, limit {limit[name]:.2f})" for name in above[:NAMED]]
    says = f"{first} has drifted: distance {seen[first]:.2f} from training, {limit[first]:.2f} is its limit"
    if len(above) > 1:
        says = f"{len(above)} features have drifted from training, by what hangs on them: {listed(told, len(above))}"
    return [Breach(monitor="drift", features=tuple(above), role="science", says=says, value=seen[first], limit=limit[first])]


def score_drift(watched: Watched) -> list[Breach] | None:
    """The score's distance from the test part is no accident."""
    if not watched.is_judged:
        return None
    seen, limit = watched.window.drift.get(SCORE), score_limit(watched)
    if seen is None or limit is None or seen <= limit:
        return []
    says = f"the score has drifted: distance {seen:.2f} from training, {limit:.2f} is its limit"
    return [Breach(monitor="score_drift", role="ml", says=says, value=seen, limit=limit)]


def multivariate(watched: Watched) -> list[Breach] | None:
    """A classifier tells the window's rows from those of the test part more surely than it could tell spans of the test part from one another.

    It judges only what `drift` is silent about: features that have each kept their shares, and do not go together as they did.
    """
    seen = watched.window.apart
    limit = apart_limit(watched.apart_before, watched.window.rows, watched.chance("multivariate"))
    if seen is None or limit is None or drift(watched) != []:
        return None
    if seen <= limit:
        return []
    says = f"the features do not go together as they did: a classifier tells the rows apart with an AUC of {seen:.2f}, {limit:.2f} is its limit"
    return [Breach(monitor="multivariate", role="science", says=says, value=seen, limit=limit)]


def drift_limits(watched: Watched) -> dict[str, float]:
    """The limit of the distance, for a window of so many rows, of each feature that the model uses; one that it does not use explains, and alarms nobody."""
    return limits(watched.used, watched.window.rows, watched.chance("drift"))


def score_limit(watched: Watched) -> float | None:
    """The limit of the score's distance for a window of so many rows; None where the reference has no score."""
    own = [bins for bins in watched.yardstick.features if bins.name == SCORE]
    return limits(own, watched.window.rows, watched.chance("score_drift")).get(SCORE)
