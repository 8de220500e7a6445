"""The end of an experiment as the turn writes it: the entry with its reason and its figures, and the alert by which the business role is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loopline.engine.step import Facts
from loopline.ledger.entry import Draft, now
from loopline.serve.experiments import KIND
from loopline.value.experiment.conduct import end, following, gain, named, say_gain
from loopline.watch.alerts import find, identified, resolved
from loopline.watch.spec import EXPERIMENT
from loopline.workspace import Job


def run(job: Job) -> Facts:
    """End the experiment as it was ruled, unless a person has ended it meanwhile."""
    inputs, ledger = job.step.inputs, job.workspace.ledger
    experiment = named(ledger.read(kinds=(KIND,)), inputs["name"])
    ending, found = inputs["ending"], inputs["found"]
    won = gain(found, ending["winner"], unit=inputs["currency"] if experiment.sort != "feature" else None, per_year=inputs["per_year"])
    over = replace(experiment, ended=now(), winner=ending["winner"])
    command = following(over, found, promoted=inputs["promoted"])
    what = f"the experiment {experiment.name} has ended: {ending['why']}"
    says = "; ".join([what, *([say_gain(won), f"make it so: {command}"] if won else ["what decides is as before"])])
    if experiment.is_running:
        draft = end(experiment, found, winner=ending["winner"], told_by=ending["rule"], why=ending["why"], who="loopline")
        body = {**draft.body, "gain": won, "next": command}
        ledger.append(replace(draft, body=body, parents=(experiment.id, job.attempt)), replace(_alert(inputs, won, says), parents=(job.attempt,)))
        job.progress.say(says)
    return {"says": says, "name": experiment.name, "winner": ending["winner"], "next": command}


def _alert(inputs: Mapping[str, Any], won: Mapping[str, Any] | None, says: str) -> Draft:
    """The alert that tells the business role what came of it and what to do; it is about no package, so that no window resolves or explains it."""
    moment = now().isoformat()
    body = {
        "state": "open",
        "monitor": EXPERIMENT,
        "feature": inputs["name"],
        "package": "",
        "role": "business",
        "since": moment,
        "last": moment,
        "opened": moment,
        "value": won["per_unit"]["value"] if won else 0.0,
        "limit": inputs["effect"],
        "cost": None,
        "says": says,
        # The package that decides then: once another one does, there is nothing left to be done about it.
        "champion": inputs["champion"],
    }
    return Draft(kind="alert", subject=identified(EXPERIMENT, inputs["name"], inputs["id"]), key=moment, body=body)


def settle(job: Job) -> Facts:
    """Resolve the alerts of experiments that have ended before another package came to decide."""
    ledger = job.workspace.ledger
    newest = {entry.subject: entry for entry in ledger.newest_of_each("alert")}
    open_still = [entry for id in job.step.inputs["alerts"] if (entry := find(newest, id)).body["state"] != "resolved"]
    ledger.append(*(replace(resolved(entry.subject, entry.body), parents=(job.attempt,)) for entry in open_still))
    return {"says": f"{len(open_still)} alerts of experiments are resolved: another package decides now"}
