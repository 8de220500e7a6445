"""Loopline in one file: ask each stage for its next step, run what is stale, write what came of it into a ledger, and read from there what holds.

A workshop wants to know which pumps to service before the next shift. Servicing one that would have failed saves 90; servicing one for
nothing costs 30. Read from top to bottom: the ledger, the steps, the seven stages, the loop. Then run it: python examples/mini_loop.py
The real thing has the same shape and the same words, with real parts in each place.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

Facts = Mapping[str, Any]
Rows = list[dict[str, Any]]


# ---------------------------------------------------------------------------- the ledger: facts are appended, never edited
def digest(value: object) -> str:
    """A name that only this very value has."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A fact. Its hash covers the hash of the entry before it, so that nobody can change one unnoticed."""

    kind: str
    subject: str
    key: str
    body: Facts
    hash: str


class Ledger(list[Entry]):
    """Entries in the order in which they were written; one is added at the end, and there is no other way to write."""

    def add(self, kind: str, subject: str, key: str = "", **body: Any) -> None:
        self.append(Entry(kind, subject, key, body, digest([self[-1].hash if self else "", kind, subject, key, body])))

    def first_bad(self) -> int | None:
        """The place of the first entry that was tampered with."""
        before = [None, *self]
        linked = (digest([b.hash if b else "", e.kind, e.subject, e.key, e.body]) == e.hash for b, e in zip(before, self, strict=False))
        return next((place for place, intact in enumerate(linked) if not intact), None)


@dataclass(frozen=True)
class State:
    """What holds now: a fold over the entries, kept nowhere."""

    done: Mapping[str, Facts]
    approved: frozenset[tuple[str, str]]
    champion: str | None


def fold(ledger: Ledger) -> State:
    """The state after all entries."""
    done = {entry.key: entry.body for entry in ledger if entry.kind == "succeeded"}
    approved = frozenset((entry.subject, entry.body["role"]) for entry in ledger if entry.kind == "approval")
    champions = [entry.body["champion"] for entry in ledger if entry.kind == "succeeded" and "champion" in entry.body]
    return State(done, approved, champions[-1] if champions else None)


# ---------------------------------------------------------------------------- steps: same inputs, same key, no second run
class Lake(dict[str, Any]):
    """Values by their digest: writing one twice is writing it once."""

    def put(self, value: object) -> str:
        self.setdefault(name := digest(value), value)
        return name


@dataclass(frozen=True)
class Step:
    """A piece of work: what does it, the fields of the declaration that it reads, and what it works on."""

    work: Callable[..., Facts]
    reads: Facts
    inputs: Facts = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The digest of all that the result depends on, the code included."""
        return digest([self.reads, self.inputs, inspect.getsource(self.work)])


@dataclass(frozen=True)
class Halt:
    """Why the loop cannot go on: it waits for a role, or a check said no."""

    why: str
    role: str = ""


Steps = Generator[Step | Halt, Facts, Facts]


# ---------------------------------------------------------------------------- the seven stages: each sees those before it, never one after
def charter(said: Facts, facts: Facts, state: State) -> Steps:
    """Why: is there anything to win?"""
    study = yield Step(work_study, {"worth": said["worth"]})
    if study["break_even"] >= 1:
        yield Halt("no-go: acting can never pay")
    return study


def work_study(lake: Lake, worth: Facts) -> Facts:
    gain, loss = worth["act_right"] - worth["miss"], worth["rest"] - worth["act_wrong"]
    break_even = loss / (gain + loss) if gain > 0 else 1.0
    return {"break_even": break_even, "says": f"acting pays from a precision of {break_even:.2f} on"}


def data(said: Facts, facts: Facts, state: State) -> Steps:
    """What came in, and can it be trusted? Rows read = rows accepted + rows quarantined."""
    return (yield Step(work_ingest, {"months": said["delivered"], "limit": said["hours_at_most"]}))


def work_ingest(lake: Lake, months: list[int], limit: float) -> Facts:
    read = [row for month in months for row in deliver(month)]
    accepted = [row for row in read if 0 <= row["hours"] <= limit]
    refused = [{**row, "reason": f"hours is not between 0 and {limit}"} for row in read if not 0 <= row["hours"] <= limit]
    says = f"{len(read)} rows read: {len(accepted)} accepted, {len(refused)} quarantined"
    return {"table": lake.put(accepted), "quarantine": lake.put(refused), "says": says}


def model(said: Facts, facts: Facts, state: State) -> Steps:
    """Which candidate earns most? The newest fifth of the rows is looked at once."""
    return (yield Step(work_search, {"worth": said["worth"]}, {"table": facts["data"]["table"]}))


def work_search(lake: Lake, worth: Facts, table: str) -> Facts:
    rows = lake[table]
    train, validation, test = (rows[len(rows) * low // 5 : len(rows) * high // 5] for low, high in ((0, 3), (3, 4), (4, 5)))
    weights = fit(train)
    policies = [{"weights": weights, "threshold": step / 50} for step in range(1, 50)]
    best = max(policies, key=lambda policy: earned(policy, validation, worth))
    says = f"act from a score of {best['threshold']}: earns {earned(best, test, worth) / len(test):.2f} per pump"
    return {"package": lake.put(best), "test": lake.put(test), "says": says}


def release(said: Facts, facts: Facts, state: State) -> Steps:
    """Is it good enough, and who says so?"""
    package, champion = facts["model"]["package"], state.champion
    if package != champion:
        gates = yield Step(work_gates, {"worth": said["worth"]}, {"package": package, "champion": champion, "test": facts["model"]["test"]})
        if not gates["passed"] and champion is None:
            yield Halt(f"a gate: {gates['says']}")
        if not gates["passed"]:
            return {"champion": champion, "says": f"the champion stays: {gates['says']}"}
        for role in said["approvals"]:
            if (package, role) not in state.approved:
                yield Halt(f"package {package[:8]} waits for a yes ({gates['says']})", role)
        yield Step(work_promote, {}, {"package": package})
    return {"champion": package, "says": f"{package[:8]} is the champion"}


def work_gates(lake: Lake, worth: Facts, package: str, champion: str | None, test: str) -> Facts:
    ours = earned(lake[package], lake[test], worth)
    theirs = earned(lake[champion], lake[test], worth) if champion else 0.0
    return {"passed": ours > theirs, "says": f"{ours:,.0f} against {theirs:,.0f} on the test part"}


def work_promote(lake: Lake, package: str) -> Facts:
    return {"champion": package}


def serve(said: Facts, facts: Facts, state: State) -> Steps:
    """What is the decision for this row? Every answer is logged, and its outcome joined to it later."""
    return (yield Step(work_serve, {"months": said["served"]}, {"champion": facts["release"]["champion"]}))


def work_serve(lake: Lake, months: list[int], champion: str) -> Facts:
    package = lake[champion]
    log = [{**row, "month": month, "acted": score(package["weights"], row) >= package["threshold"]} for month in months for row in deliver(month)]
    return {"log": lake.put(log), "says": f"{len(log)} pumps, {sum(row['acted'] for row in log)} to be serviced"}


def watch(said: Facts, facts: Facts, state: State) -> Steps:
    """Is it still as it was? A window for each month; money pages."""
    return (yield Step(work_windows, {"worth": said["worth"]}, {"log": facts["serve"]["log"]}))


def work_windows(lake: Lake, worth: Facts, log: str) -> Facts:
    months: dict[str, list[float]] = {}
    for row in lake[log]:
        months.setdefault(str(row["month"]), []).append(money(row["acted"], row["failed"], worth))
    windows = {month: sum(earnings) / len(earnings) for month, earnings in months.items()}
    alerts = [month for month, mean in windows.items() if mean <= 0]
    says = ", ".join(f"month {month}: {mean:+.2f}" for month, mean in windows.items())
    return {"windows": windows, "alerts": alerts, "says": says + (f"; ALERT in month {', '.join(alerts)}" if alerts else "")}


def value(said: Facts, facts: Facts, state: State) -> Steps:
    """Was it worth it? What flows back is this fact: the team delivers the new months, and the loop turns again."""
    return (yield Step(work_review, {"target": said["target"]}, {"windows": facts["watch"]["windows"], "alerts": facts["watch"]["alerts"]}))


def work_review(lake: Lake, target: float, windows: Facts, alerts: list[str]) -> Facts:
    mean = sum(windows.values()) / len(windows)
    advice = "retrain" if alerts or mean < target else "keep"
    return {"recommendation": advice, "says": f"{mean:+.2f} per pump against a target of {target:+.2f}: {advice}"}


STAGES = (charter, data, model, release, serve, watch, value)


# ---------------------------------------------------------------------------- the loop
def turn(said: Facts, ledger: Ledger, lake: Lake) -> dict[str, str]:
    """Once round, as far as the evidence allows; how each stage ended. Killed anywhere, the next turn goes on from there."""
    facts: dict[str, Facts] = {}
    ended: dict[str, str] = {}
    for stage in STAGES:
        name, computed, steps = stage.__name__, False, stage(said, facts, fold(ledger))
        try:
            asked = next(steps)
            while isinstance(asked, Step):
                if asked.key not in fold(ledger).done:
                    ledger.add("started", name, asked.key)
                    ledger.add("succeeded", name, asked.key, **asked.work(lake, **asked.reads, **asked.inputs))
                    computed = True
                asked = steps.send(fold(ledger).done[asked.key])
            return {**ended, name: f"waiting for {asked.role}: {asked.why}" if asked.role else f"failed: {asked.why}"}
        except StopIteration as end:
            facts[name] = end.value
            ended[name] = ("" if computed else "(cached) ") + end.value["says"]
    return ended


# ---------------------------------------------------------------------------- a small model, and a small world
def fit(rows: Rows) -> list[float]:
    """The weights of a logistic regression of `failed`: bias, hours, vibration."""
    weights = [0.0, 0.0, 0.0]
    for _ in range(300):
        misses = [(score(weights, row) - row["failed"], features(row)) for row in rows]
        weights = [weight - 2.0 * sum(miss * x[i] for miss, x in misses) / len(rows) for i, weight in enumerate(weights)]
    return weights


def features(row: Facts) -> tuple[float, float, float]:
    return 1.0, row["hours"] / 1000 - 0.5, row["vibration"] - 2


def score(weights: list[float], row: Facts) -> float:
    """The probability that the pump fails."""
    return 1 / (1 + math.exp(-sum(weight * x for weight, x in zip(weights, features(row), strict=True))))


def money(acted: bool, failed: bool, worth: Facts) -> float:
    return float(worth[("act_right" if failed else "act_wrong") if acted else ("miss" if failed else "rest")])


def earned(policy: Facts, rows: Rows, worth: Facts) -> float:
    """What a policy earns on rows whose outcome is known."""
    return sum(money(score(policy["weights"], row) >= policy["threshold"], row["failed"], worth) for row in rows)


def deliver(month: int) -> Rows:
    """A month of pumps. From month 7 on new sensors read higher and new seals hold longer, and nobody has told us."""
    chance, later, rows = random.Random(month), month >= 7, []
    for _ in range(150):
        hours, vibration = chance.uniform(0, 1000), chance.gauss(2, 0.7)
        failed = chance.random() < 1 / (1 + math.exp(1.2 + 1.5 * later - 4 * (hours / 1000 - 0.5) - 2 * (vibration - 2)))
        rows.append({"hours": -1.0 if chance.random() < 0.01 else hours, "vibration": vibration + 1.5 * later, "failed": failed})
    return rows


WORTH = {"act_right": 90, "act_wrong": -30, "miss": 0, "rest": 0}
SAID = {"worth": WORTH, "target": 5.0, "hours_at_most": 1000, "approvals": ["business"], "delivered": [1, 2, 3, 4, 5], "served": [6]}


def main() -> None:
    """Up to the approval; round; round again for nothing; round after the world has changed; and round with what was learned from that."""
    ledger, lake = Ledger(), Lake()
    changed = {**SAID, "served": [6, 7, 8]}
    retrained = {**changed, "delivered": [7, 8, 9, 10, 11], "served": [12]}
    acts = [
        ("The first turn stops where a person is needed:", SAID, False),
        ("Approved: the loop goes on from there.", SAID, True),
        ("Nothing has changed: nothing is computed.", SAID, False),
        ("Months 7 and 8 are served, and it no longer pays:", changed, False),
        ("The new months are delivered: a challenger asks for its approval.", retrained, False),
        ("Approved:", retrained, True),
    ]
    for title, said, approved in acts:
        if approved:
            package = [entry.body["package"] for entry in ledger if "package" in entry.body][-1]
            ledger.add("approval", package, role="business", by="owner@example.com")
        print(f"\n{title}", *(f"  {stage:<8} {says}" for stage, says in turn(said, ledger, lake).items()), sep="\n")
    print(f"\nThe ledger has {len(ledger)} entries; {'the chain is intact' if ledger.first_bad() is None else 'somebody tampered with it'}.")


if __name__ == "__main__":
    main()
