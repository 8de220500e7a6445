"""What is to be said of a package for whoever must judge it, part by part: sentences and a table each, however they are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.declaration import counted, figure
from loopline.model import calibration, policy
from loopline.model.origin import FORMS

Described = Mapping[str, Any]
"""A package as ``loopline model show --json`` has it."""

SHOWN = 5
"""Slices and disturbances that are told in a few lines."""

_COSTS = ("latency", "memory")


@dataclass(frozen=True)
class Told:
    """Sentences, and rows under a head where there are some; the first `words` columns are texts, all others numbers."""

    says: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    words: int = 1


def is_from_elsewhere(package: Described) -> bool:
    """Whether the evaluation is of other rows than those on which the package was judged here."""
    return bool(package["imported"]) and package["imported"]["form"] == "package"


def facts(package: Described) -> list[tuple[str, str]]:
    """What the package is, by name."""
    members = ", ".join(f"{one['family']} {one['weight']:.0%}" for one in package["members"])
    champion, brought = package["champion"], package["imported"]
    decides = "yes" if package["is_champion"] else f"no, {champion[:12]} does" if champion else "no, nothing does yet"
    rows = [
        ("family", f"{package['family']}: {members}" if len(package["members"]) > 1 else package["family"]),
        ("made", f"{_minute(package['made'])} UTC, {'by the search' if brought is None else 'when the import was judged'}"),
        *([] if brought is None else [("imported", _imported(brought))]),
        ("decides", decides),
        ("signed by", package["signed_by"]),
        ("size", _size(package["size_bytes"])),
        ("policy", policy.say(package["policy"])),
    ]
    if said := package["rows"]:
        rows.append(("rows", f"{said['train']:,} to learn from, {said['validation']:,} to choose with, {said['test']:,} for the one look at the end"))
    return rows


def _imported(brought: Mapping[str, str]) -> str:
    form = FORMS[brought["form"]] + (f" by {brought['maker']}" if brought["maker"] else "")
    return f"{_minute(brought['at'])} UTC by {brought['by']} from {brought['path']} ({form})"


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _size(size: int) -> str:
    return f"{figure(size / 1e6)} MB" if size >= 1e5 else f"{figure(size / 1e3)} kB"


def worth(package: Described) -> Told:
    """What the package earns on the test part, beside every other way to decide."""
    found, gain = package["worth"], package["worth"]["gain"]
    rows = (
        ("this package", found["per_decision"], found["low"], found["high"]),
        *((way["says"], way["per_decision"], "", "") for way in found.get("ways", ())),
        ("perfect foresight", found["perfect"], "", ""),
        (f"more than {found['rule']}", gain["mean"], gain["low"], gain["high"]),
    )
    currency = f"{package['currency']} " if package["currency"] else ""
    return Told(head=(f"worth on the test part, {currency}per decision", "", "from", "to"), rows=rows)


def metrics(package: Described) -> Told:
    """Each metric on the judged rows and on the test part, with intervals where they are of these rows."""
    measured = {} if package["evaluation"] is None or is_from_elsewhere(package) else package["evaluation"]["metrics"]
    known = package["metrics"]
    names = dict.fromkeys((*known["test"], *known["validation"]))
    if not measured:
        each = tuple((name, *(known[part].get(name) for part in ("validation", "test"))) for name in names)
        return Told(head=("metric", "validation", "test"), rows=each)

    def cells(part: str, name: str) -> tuple[Any, ...]:
        span = measured.get(part, {}).get(name) or {}
        return known[part].get(name), span.get("low"), span.get("high")

    head = ("metric", "validation", "from", "to", "test", "from", "to")
    return Told(head=head, rows=tuple((name, *cells("validation", name), *cells("test", name)) for name in names))


def slices(package: Described, evaluation: Mapping[str, Any], shown: int = SHOWN) -> Told:
    """Where it loses most."""
    part = evaluation["worst_slices"]
    found: list[dict[str, Any]] = next((part[name]["slices"] for name in ("misjudged", "most_lost") if part.get(name, {}).get("slices")), [])
    return Told((part["says"],), *_slices(found[:shown]))


def _slices(found: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    rows = tuple(
        (one["name"], one["rows"], *(one["gap"][name] for name in ("value", "low", "high")), "yes" if one["sure"] else "perhaps chance") for one in found
    )
    return ("where", "rows", "lost more per decision", "from", "to", "beyond chance"), rows


def calibrated(package: Described, evaluation: Mapping[str, Any], shown: int = SHOWN) -> Told:
    """Whether what it says can be read as it is."""
    part, lines = evaluation["calibration"], [str(evaluation["calibration"]["says"])]
    if "error" in part:
        shares = (f"{part[name]:.1%}" for name in ("error", "by_chance", "said", "happened"))
        lines.append("Off by {} on average, by chance up to {}; {} said on average, {} happened.".format(*shares))
    return Told((*lines, *([calibration.say(package["calibration"])] if package["calibration"] else [])))


def stability(package: Described, evaluation: Mapping[str, Any], shown: int = SHOWN) -> Told:
    """How its worth moves over time, and with other seeds."""
    part = evaluation["over_time"]
    told = [one for one in part.get("periods", ()) if one["worth"]]
    each = []
    for name in dict.fromkeys(one["part"] for one in told):
        values = ", ".join(f"{one['name']}: {figure(one['worth']['value'])}" for one in told if one["part"] == name)
        each.append(f"By {part['unit']} of the {name} part: {values}.")
    return Told((part["says"], *each, evaluation["over_seeds"]["says"]))


def robustness(package: Described, evaluation: Mapping[str, Any], shown: int = SHOWN) -> Told:
    """What missing, shifted and foreign input costs."""
    part = evaluation["robustness"]
    found = [one for one in part.get("disturbed", ()) if one.get("change")][:shown]
    rows = tuple(
        (f"{one['column'] or 'all columns'}: {one['how']}", *(one["change"][name] for name in ("value", "low", "high")), f"{one['flips']:.1%}") for one in found
    )
    return Told((part["says"],), ("what happens", "changes the worth by", "from", "to", "decisions that flip"), rows)


def lessons(package: Described, evaluation: Mapping[str, Any], shown: int = SHOWN) -> Told:
    """What more rows to learn from would bring."""
    part = evaluation["learning_curve"]
    sizes: dict[int, list[float]] = {}
    for point in part.get("points", ()):
        sizes.setdefault(point["rows"], []).append(point["worth"])
    each = ", ".join(f"{figure(sum(worth) / len(worth))} from {rows:,}" for rows, worth in sorted(sizes.items()))
    return Told((part["says"], *([f"Worth by rows learned from: {each}."] if each else [])))


def fairness(package: Described, evaluation: Mapping[str, Any], shown: int = SHOWN) -> Told:
    """Whether it serves some groups worse."""
    return Told((str(evaluation["fairness"]["says"]),))


def cost(package: Described) -> Told:
    """What it took to find and takes to keep and to ask, as far as it was measured; an evaluation has no times, which differ from run to run."""
    lines = (
        []
        if package["search"] is None
        else [
            f"The search took {figure(package['search']['seconds'])} s for {counted(package['search']['trials'], 'candidate')}, "
            f"with {counted(package['search']['workers'], 'worker')}."
        ]
    )
    lines.append(f"The package has {_size(package['size_bytes'])}.")
    evaluation = package["evaluation"] or {}
    if "skipped" not in evaluation.get("cost", {"skipped": ""}):
        lines.append(str(evaluation["cost"]["says"]))
    lines += [f"At the gate: {gate['says']}." for gate in package["gates"] or () if gate["name"] in _COSTS]
    return Told(tuple(lines))


def compared(said: Mapping[str, Any]) -> Told:
    """By how much each measure of two packages differs, of a comparison as ``loopline model compare --json`` has it."""
    one, other = said["packages"]["one"], said["packages"]["other"]
    rows = []
    for name, gap in said["differences"].items():
        span = (None, None, None) if gap is None else (gap["value"], gap["low"], gap["high"])
        rows.append((name, one["metrics"][name], other["metrics"][name], *span))
    return Told(head=("measure", one["package"][:8], other["package"][:8], "difference", "from", "to"), rows=tuple(rows))


PARTS: Mapping[str, Callable[[Described, Mapping[str, Any], int], Told]] = {
    "Worst slices": slices,
    "Calibration": calibrated,
    "Stability": stability,
    "Robustness": robustness,
    "Learning curve": lessons,
    "Fairness": fairness,
}
"""The parts of an evaluation, in the order in which they are shown."""
