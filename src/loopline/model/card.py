"""The model card: what the package is for, what it earns and where it fails, in plain words for whoever pays for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopline.declaration import figure
from loopline.model import policy
from loopline.model.card_text import Block, Card, Chapter, Figure, Points, Strong, Table, Words, as_html, as_markdown

SHOWN = 10
"""Columns that are named by how much they count."""

_MEANINGS = {
    "precision": "of those acted on, the share in which it happened",
    "recall": "of those in which it happened, the share that was acted on",
    "act_share": "the share of all that is acted on",
    "roc_auc": "how well the scores put those in which it happens above the others (0.5 is chance, 1 perfect)",
    "average_precision": "the precision over all thresholds",
    "log_loss": "how far the probabilities are from what happened (0 is perfect)",
    "brier": "the mean squared error of the probability",
    "accuracy": "the share of right decisions",
    "macro_f1": "right decisions with every class counting the same (1 is perfect)",
    "mae": "the mean size of the error",
    "rmse": "the error with large ones weighing more",
    "r2": "the share of the spread that the model explains",
}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the card says; money is per decision, on the test part. What was not measured is not told of.

    Parameters
    ----------
    members
        Of an ensemble: each family with its weight.
    maker
        Who made it; a package's own card leaves it out, for its digest must not hang on that: its signature tells.
    evaluation, explanation
        What ``evaluation.json`` and ``explanation.json`` hold.
    against
        Of an imported model: ``says`` whom it was held against on the same rows, and what came of it.
    leaks, selection
        Findings of the leak rules and columns that were dropped, each with ``says``.
    pictures
        Drawings as SVG, by the title of the chapter under which they stand.
    """

    manifest: Mapping[str, Any]
    decision: str
    currency: str
    priced: bool
    worth: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float | None]]
    policy: policy.Policy
    rows: Mapping[str, int]
    split: str
    trials: int
    weights: Sequence[tuple[str, float]]
    left_out: Mapping[str, str]
    parity: Mapping[str, Any]
    members: Sequence[tuple[str, float]] = ()
    maker: str = ""
    evaluation: Mapping[str, Any] | None = None
    explanation: Mapping[str, Any] | None = None
    against: Mapping[str, Any] | None = None
    leaks: Sequence[Mapping[str, Any]] = ()
    selection: Sequence[Mapping[str, Any]] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)


def write(facts: Facts) -> str:
    """The card as Markdown."""
    return as_markdown(_card(facts))


def page(facts: Facts) -> str:
    """The card as one HTML page that needs nothing from elsewhere and runs no script."""
    return as_html(_card(facts))


def _card(facts: Facts) -> Card:
    said = facts.manifest
    happening = f" is {said['positive']}" if said["positive"] is not None else ""
    told = (
        ("What it earns", _money(facts)),
        ("Where it fails", _failures(facts)),
        ("Is it fair?", _fairness(facts)),
        ("What it looks at", _weights(facts)),
        ("The rules that it follows", _rules(facts)),
        ("What it must not be used for", _limits(facts)),
        ("How good it is", _measures(facts)),
        ("How it was made", _made(facts)),
    )
    chapters = tuple(Chapter(title, tuple(blocks), facts.pictures.get(title, "")) for title, blocks in told if blocks)
    way = policy.say(facts.policy)
    decision = f"{facts.decision} It is taken so: {way}." if facts.decision else f"{way[:1].upper()}{way[1:]}."
    return Card(
        title=f"{said['project']}: predicts {said['target']}{happening}",
        decision=decision,
        verdict=verdict(facts.worth, facts.currency),
        figures=_figures(facts),
        chapters=chapters,
    )


def verdict(worth: Mapping[str, Any], currency: str) -> str:
    """The one line for whoever reads no further, by what a package earns on the test part."""
    gain, rule = worth["gain"], worth["rule"]
    if gain["low"] > 0:
        return f"It earns {figure(gain['mean'])} {currency} more per decision than today's way ({rule})."
    if gain["high"] < 0:
        return f"It earns {figure(-gain['mean'])} {currency} less per decision than today's way ({rule}): do not use it."
    return f"Whether it earns more than today's way ({rule}) cannot be told from these rows."


def _figures(facts: Facts) -> tuple[Figure, ...]:
    worth, gain, currency = facts.worth, facts.worth["gain"], facts.currency
    shown = [
        Figure(
            "It earns", f"{figure(worth['per_decision'])} {currency}", f"per decision; most likely between {figure(worth['low'])} and {figure(worth['high'])}"
        ),
        Figure("More than today", f"{figure(gain['mean'])} {currency}", f"per decision; most likely between {figure(gain['low'])} and {figure(gain['high'])}"),
        Figure("Today's way", f"{figure(worth['baseline'])} {currency}", str(worth["rule"])),
        Figure("Perfect foresight", f"{figure(worth['perfect'])} {currency}", "the most that anybody could earn"),
    ]
    year = _part(facts.evaluation, "worth").get("gain_per_year")
    if year:
        shown.insert(
            2, Figure("In a year", f"{figure(year['value'])} {currency}", f"more than today; between {figure(year['low'])} and {figure(year['high'])}")
        )
    return tuple(shown)


def _money(facts: Facts) -> list[Block]:
    worth, gain, currency = facts.worth, facts.worth["gain"], facts.currency
    blocks: list[Block] = [
        Words(
            f"On {facts.rows['test']:,} decisions that it had never seen it earns ",
            Strong(f"{figure(worth['per_decision'])} {currency} per decision"),
            f". With 95 % confidence it is between {figure(worth['low'])} and {figure(worth['high'])}.",
        ),
        Words(
            f"Without a model ({worth['rule']}) it would be {figure(worth['baseline'])}; with perfect foresight {figure(worth['perfect'])}. "
            f"The model adds {figure(gain['mean'])} {currency} per decision (between {figure(gain['low'])} and {figure(gain['high'])})."
        ),
    ]
    if facts.against is not None:
        blocks.append(Words(str(facts.against["says"])))
    if not facts.priced:
        blocks.append(Words("The charter has no prices yet: what a decision earns is counted in points."))
    return [*blocks, *_said(facts.evaluation, "curves", "over_time", "over_seeds", "learning_curve")]


def _failures(facts: Facts) -> list[Block]:
    part = _part(facts.evaluation, "worst_slices")
    blocks = _said(facts.evaluation, "worst_slices")
    slices = (part.get("misjudged") or part.get("most_lost") or {}).get("slices", [])[:SHOWN]
    if slices:
        rows = tuple((one["name"], f"{one['rows']:,}", _between(one.get("gap")), "yes" if one.get("sure") else "perhaps chance") for one in slices)
        blocks.append(Table(("where", "rows", f"lost more per decision ({facts.currency})", "beyond chance"), rows))
    return [*blocks, *_said(facts.evaluation, "robustness")]


def _fairness(facts: Facts) -> list[Block]:
    part = _part(facts.evaluation, "fairness")
    blocks = _said(facts.evaluation, "fairness")
    for column, found in part.get("columns", {}).items():
        groups = [group for group in found["groups"] if not group.get("too_small")][:SHOWN]
        names = [name for name in ("act_share", "precision", "recall", "accuracy", "mae", "worth") if groups and name in groups[0]]
        rows = tuple((group["name"], f"{group['rows']:,}", *(_value(group[name]) for name in names)) for group in groups)
        if rows:
            blocks.append(Table((column, "rows", *(name.replace("_", " ") for name in names)), rows))
    return blocks


def _weights(facts: Facts) -> list[Block]:
    if not facts.weights:
        if not facts.trials:
            return [Words("It was made elsewhere: what it looks at most was not measured.")]
        return [Words("At nothing: it gives every row the same score.")]
    blocks: list[Block] = []
    explained = facts.explanation or {}
    if important := [one for one in explained.get("importance", ()) if one["matters"]][:SHOWN]:
        blocks.append(Words("What is lost when a column's values are shuffled among the rows:"))
        rows = tuple((one["column"], f"{figure(one['money']['mean'])} ({figure(one['money']['low'])} to {figure(one['money']['high'])})") for one in important)
        blocks.append(Table(("column", f"earned less per decision ({facts.currency})"), rows))
    if effects := [f"{one['column']}: {one['says']}" for one in explained.get("effects", ())[:SHOWN] if one.get("says")]:
        blocks.append(Points(tuple(effects)))
    if blocks:
        return blocks
    blocks.append(Table(("column", "weight in the model"), tuple((name, f"{share:.1%}") for name, share in facts.weights[:SHOWN])))
    more = len(facts.weights) - SHOWN
    return [*blocks, *([Words(f"and {more} more.")] if more > 0 else [])]


def _rules(facts: Facts) -> list[Block]:
    labels = facts.manifest.get("classes", ()) if facts.manifest["task"] == "multiclass" else ()
    blocks: list[Block] = []
    for one in (facts.explanation or {}).get("rules", ()):
        share = f" ({one['weight']:.0%} of the score)" if facts.members else ""
        is_first = one["form"] == "first"
        blocks.append(Words(f"{'The first rule that holds says the score' if is_first else 'Every rule that holds adds its points'}{share}:"))
        head = ("rule", "training rows", *(labels or ("score" if is_first else "points",)))
        blocks.append(Table(head, tuple((rule["rule"], f"{rule['rows']:,}", *map(figure, rule["says"])) for rule in one["rules"])))
    return blocks


def _limits(facts: Facts) -> list[Block]:
    lines = [
        f"For no other decision than this one, and for no other rows than those that {facts.manifest['project']} decides on: it was never judged on others.",
        "It says what usually follows, not what causes it: changing a column by hand need not change what happens.",
        "It knows only what the table held: a change in the business shows first as drift in the watch stage.",
    ]
    if facts.worth["gain"]["low"] <= 0:
        lines.append("Its gain over doing without a model is within what chance alone could give on these rows.")
    if calibration := _part(facts.evaluation, "calibration").get("says"):
        lines.append(str(calibration))
    elif facts.manifest["task"] == "binary":
        lines.append("Its probabilities rank and decide; they are not calibrated, so do not read them as exact chances.")
    return [Points((*lines, *(f"A question that is open: {one['says']}." for one in facts.leaks)))]


def _measures(facts: Facts) -> list[Block]:
    test, validation = facts.metrics["test"], facts.metrics["validation"]
    rows = tuple((name, _shown(validation.get(name)), _shown(test[name]), _MEANINGS[name]) for name in test if name in _MEANINGS)
    return [*_said(facts.evaluation, "metrics"), Table(("measure", "validation", "test", "meaning"), rows, words=(0, 3))]


def _made(facts: Facts) -> list[Block]:
    rows, family = facts.rows, str(facts.manifest["family"])
    if facts.members:
        family = f"{family}, the weighted mean of {' and '.join(f'{name} ({weight:.0%})' for name, weight in facts.members)}"
    chosen = f"the best of {facts.trials} candidates by what they earn on the validation rows" if facts.trials else "made elsewhere and imported"
    same = f"the largest difference on {facts.parity['rows']:,} rows is {facts.parity['max_error']:.1g}"
    lines = [
        f"Family: {family}, {chosen}.",
        *(["In the end it was fitted to the validation rows too, for the latest rows teach most."] if facts.trials else []),
        f"Rows: {rows['train']:,} to learn from, {rows['validation']:,} to choose with, {rows['test']:,} for the one look at the end; {facts.split}.",
        *([f"The package gives the scores of the trained model: {same}."] if facts.parity["rows"] else []),
    ]
    lines += [f"The policy: {line}." for line in policy.describe(facts.policy)[1:]]
    if facts.left_out:
        lines.append("Columns left out: " + "; ".join(f"{name} ({why})" for name, why in facts.left_out.items()) + ".")
    lines += [str(one["says"]) for one in facts.selection]
    if facts.maker:
        lines.append(f"Made by {facts.maker}.")
    return [Points(tuple(lines)), *_said(facts.evaluation, "cost")]


def _part(document: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    part: Mapping[str, Any] = (document or {}).get(name) or {}
    return {} if "skipped" in part else part


def _said(document: Mapping[str, Any] | None, *names: str) -> list[Block]:
    """The lines of those parts that were measured."""
    return [Words(str(part["says"])) for name in names if (part := _part(document, name)).get("says")]


def _between(value: Mapping[str, Any] | None) -> str:
    return "-" if value is None else f"{figure(value['value'])} ({figure(value['low'])} to {figure(value['high'])})"


def _value(value: Any) -> str:
    return _shown(value["value"] if isinstance(value, Mapping) else value)


def _shown(value: float | None) -> str:
    return "-" if value is None else figure(value)
