"""The model card: what the package is for, what it earns and where it fails, in plain words for whoever pays for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.declaration import figure
from loopline.model import policy

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
    """What the card says; money is per decision, on the test part; the questions are what the leak checks ask a person."""

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
    questions: Sequence[str] = ()


def write(facts: Facts) -> str:
    """The card as Markdown."""
    said = facts.manifest
    happening = f" is {said['positive']}" if said["positive"] is not None else ""
    parts = [
        f"# {said['project']}: predicts {said['target']}{happening}",
        f"**Decision:** {facts.decision} It is taken so: {policy.say(facts.policy)}." if facts.decision else f"**Decision:** {policy.say(facts.policy)}.",
        "## What it earns",
        _money(facts),
        "## How good it is",
        _measures(facts),
        "## What it looks at",
        _weights(facts),
        "## How it was made",
        _made(facts),
        "## What it cannot do",
        _limits(facts),
    ]
    return "\n\n".join(parts) + "\n"


def _money(facts: Facts) -> str:
    worth, currency = facts.worth, facts.currency
    lines = [
        f"On {facts.rows['test']:,} decisions that it had never seen it earns **{figure(worth['per_decision'])} {currency} per decision** "
        f"(95 % interval {figure(worth['low'])} to {figure(worth['high'])}).",
        f"Without a model ({worth['rule']}) it would be {figure(worth['baseline'])}; with perfect foresight {figure(worth['perfect'])}. "
        f"The model adds {figure(worth['gain']['mean'])} {currency} per decision "
        f"(95 % interval {figure(worth['gain']['low'])} to {figure(worth['gain']['high'])}).",
    ]
    if not facts.priced:
        lines.append("The charter has no prices yet: what a decision earns is counted in points.")
    return "\n\n".join(lines)


def _measures(facts: Facts) -> str:
    head = "| measure | validation | test | meaning |\n| --- | ---: | ---: | --- |"
    test, validation = facts.metrics["test"], facts.metrics["validation"]
    rows = [f"| {name} | {_shown(validation[name])} | {_shown(test[name])} | {_MEANINGS[name]} |" for name in test if name in _MEANINGS]
    return "\n".join([head, *rows])


def _weights(facts: Facts) -> str:
    if not facts.weights:
        return "At nothing: it gives every row the same score."
    rows = [f"| {name} | {share:.1%} |" for name, share in facts.weights[:SHOWN]]
    more = len(facts.weights) - SHOWN
    return "\n".join(["| column | weight in the model |", "| --- | ---: |", *rows, *([f"\nand {more} more."] if more > 0 else [])])


def _made(facts: Facts) -> str:
    rows = facts.rows
    lines = [
        f"- Family: {facts.manifest['family']}, the best of {facts.trials} candidates by what they earn on the validation rows.",
        "- In the end it was fitted to the validation rows too, for the latest rows teach most.",
        f"- Rows: {rows['train']:,} to learn from, {rows['validation']:,} to choose with, {rows['test']:,} for the one look at the end; {facts.split}.",
        f"- The package gives the scores of the trained model: the largest difference on {facts.parity['rows']:,} rows is {facts.parity['max_error']:.1g}.",
    ]
    lines += [f"- The policy: {line}." for line in policy.describe(facts.policy)[1:]]
    if facts.left_out:
        lines.append("- Columns left out: " + "; ".join(f"{name} ({why})" for name, why in facts.left_out.items()) + ".")
    return "\n".join(lines)


def _limits(facts: Facts) -> str:
    lines = ["- It knows only what the table held: a change in the business shows first as drift in the watch stage."]
    lines += [f"- A question that is open: {question}." for question in facts.questions]
    if facts.worth["gain"]["low"] <= 0:
        lines.append("- Its gain over doing without a model is within what chance alone could give on these rows.")
    if facts.manifest["task"] == "binary":
        lines.append("- Its probabilities rank and decide; they are not calibrated, so do not read them as exact chances.")
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{figure(value)}"
