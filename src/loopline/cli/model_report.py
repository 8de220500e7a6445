"""What ``loopline model show`` prints of a package: its figures, and each part of its evaluation in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from loopline.cli.output import minute, table
from loopline.declaration import counted, figure
from loopline.model.origin import FORMS

SHOWN = 5
"""Slices and disturbances that are shown."""

Described = Mapping[str, Any]
"""A package as ``loopline model show --json`` has it."""

_COSTS = ("latency", "memory")


def report(package: Described) -> str:
    """All that is to be said of a package, as text."""
    parts = [_head(package), _worth(package), _metrics(package), *_questions(package)]
    evaluation = package["evaluation"]
    if evaluation is None:
        return "\n\n".join([*parts, "It has no evaluation: it was judged on the same rows, and nothing more was measured.", _cost(package)])
    if _is_from_elsewhere(package):
        parts.append("The evaluation that follows is its maker's, on the rows of the project that it was made in.")
    parts += [_part(title, tell(package, evaluation)) for title, tell in _PARTS.items()]
    return "\n\n".join([*parts, _cost(package)])


def _is_from_elsewhere(package: Described) -> bool:
    """Whether the evaluation is of other rows than those on which the package was judged here."""
    return bool(package["imported"]) and package["imported"]["form"] == "package"


def _head(package: Described) -> str:
    from loopline.model import policy

    members = ", ".join(f"{one['family']} {one['weight']:.0%}" for one in package["members"])
    champion, brought = package["champion"], package["imported"]
    decides = "yes" if package["is_champion"] else f"no, {champion[:12]} does" if champion else "no, nothing does yet"
    rows = [
        ("family", f"{package['family']}: {members}" if len(package["members"]) > 1 else package["family"]),
        ("made", f"{minute(package['made'])} UTC, {'by the search' if brought is None else 'when the import was judged'}"),
        *([] if brought is None else [("imported", _imported(brought))]),
        ("decides", decides),
        ("signed by", package["signed_by"]),
        ("size", _size(package["size_bytes"])),
        ("policy", policy.say(package["policy"])),
    ]
    if said := package["rows"]:
        rows.append(("rows", f"{said['train']:,} to learn from, {said['validation']:,} to choose with, {said['test']:,} for the one look at the end"))
    return table(("package", package["package"]), rows)


def _imported(brought: Mapping[str, str]) -> str:
    form = FORMS[brought["form"]] + (f" by {brought['maker']}" if brought["maker"] else "")
    return f"{minute(brought['at'])} UTC by {brought['by']} from {brought['path']} ({form})"


def _size(size: int) -> str:
    return f"{figure(size / 1e6)} MB" if size >= 1e5 else f"{figure(size / 1e3)} kB"


def _worth(package: Described) -> str:
    worth, gain = package["worth"], package["worth"]["gain"]
    rows = [
        ("this package", worth["per_decision"], worth["low"], worth["high"]),
        *((way["says"], way["per_decision"], "", "") for way in worth.get("ways", ())),
        ("perfect foresight", worth["perfect"], "", ""),
        (f"more than {worth['rule']}", gain["mean"], gain["low"], gain["high"]),
    ]
    currency = f"{package['currency']} " if package["currency"] else ""
    return table((f"worth on the test part, {currency}per decision", "", "from", "to"), rows, right=(1, 2, 3))


def _metrics(package: Described) -> str:
    """Each metric on the judged rows and on the test part, with intervals where they are of these rows."""
    measured = {} if package["evaluation"] is None or _is_from_elsewhere(package) else package["evaluation"]["metrics"]
    known = package["metrics"]
    names = dict.fromkeys((*known["test"], *known["validation"]))
    if not measured:
        return table(("metric", "validation", "test"), [(name, *(known[part].get(name) for part in ("validation", "test"))) for name in names], right=(1, 2))

    def cells(part: str, name: str) -> tuple[object, ...]:
        span = measured.get(part, {}).get(name) or {}
        return known[part].get(name), span.get("low"), span.get("high")

    head = ("metric", "validation", "from", "to", "test", "from", "to")
    return table(head, [(name, *cells("validation", name), *cells("test", name)) for name in names], right=range(1, 7))


def _questions(package: Described) -> list[str]:
    return [_part("Open questions", package["open_questions"])] if package["open_questions"] else []


def _part(title: str, lines: list[str]) -> str:
    return "\n".join([click.style(title, bold=True), *lines])


def _slices(package: Described, evaluation: Mapping[str, Any]) -> list[str]:
    part = evaluation["worst_slices"]
    found: list[dict[str, Any]] = next((part[name]["slices"] for name in ("misjudged", "most_lost") if part.get(name, {}).get("slices")), [])
    rows = [
        (one["name"], one["rows"], *(one["gap"][name] for name in ("value", "low", "high")), "yes" if one["sure"] else "perhaps chance")
        for one in found[:SHOWN]
    ]
    head = ("where", "rows", "lost more per decision", "from", "to", "beyond chance")
    return [part["says"], *([table(head, rows, right=(1, 2, 3, 4))] if rows else [])]


def _calibration(package: Described, evaluation: Mapping[str, Any]) -> list[str]:
    from loopline.model import calibration

    part, lines = evaluation["calibration"], [str(evaluation["calibration"]["says"])]
    if "error" in part:
        shares = (f"{part[name]:.1%}" for name in ("error", "by_chance", "said", "happened"))
        lines.append("Off by {} on average, by chance up to {}; {} said on average, {} happened.".format(*shares))
    return lines + ([calibration.say(package["calibration"])] if package["calibration"] else [])


def _stability(package: Described, evaluation: Mapping[str, Any]) -> list[str]:
    part = evaluation["over_time"]
    told = [one for one in part.get("periods", ()) if one["worth"]]
    each = []
    for name in dict.fromkeys(one["part"] for one in told):
        values = ", ".join(f"{one['name']}: {figure(one['worth']['value'])}" for one in told if one["part"] == name)
        each.append(f"By {part['unit']} of the {name} part: {values}.")
    return [part["says"], *each, evaluation["over_seeds"]["says"]]


def _robustness(package: Described, evaluation: Mapping[str, Any]) -> list[str]:
    part = evaluation["robustness"]
    found = [one for one in part.get("disturbed", ()) if one.get("change")][:SHOWN]
    rows = [
        (f"{one['column'] or 'all columns'}: {one['how']}", *(one["change"][name] for name in ("value", "low", "high")), f"{one['flips']:.1%}") for one in found
    ]
    return [part["says"], *([table(("what happens", "changes the worth by", "from", "to", "decisions that flip"), rows, right=(1, 2, 3, 4))] if rows else [])]


def _lessons(package: Described, evaluation: Mapping[str, Any]) -> list[str]:
    part = evaluation["learning_curve"]
    sizes: dict[int, list[float]] = {}
    for point in part.get("points", ()):
        sizes.setdefault(point["rows"], []).append(point["worth"])
    each = ", ".join(f"{figure(sum(worth) / len(worth))} from {rows:,}" for rows, worth in sorted(sizes.items()))
    return [part["says"], *([f"Worth by rows learned from: {each}."] if each else [])]


def _fairness(package: Described, evaluation: Mapping[str, Any]) -> list[str]:
    return [str(evaluation["fairness"]["says"])]


def _cost(package: Described) -> str:
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
    return _part("Cost", lines)


_PARTS: Mapping[str, Callable[[Described, Mapping[str, Any]], list[str]]] = {
    "Worst slices": _slices,
    "Calibration": _calibration,
    "Stability": _stability,
    "Robustness": _robustness,
    "Learning curve": _lessons,
    "Fairness": _fairness,
}
"""The parts of an evaluation, in the order in which they are shown."""
