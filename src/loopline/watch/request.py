"""A request to train the model anew: an entry that the loop reads at its next walk."""

from __future__ import annotations

from loopline.engine.step import Facts
from loopline.ledger.entry import Draft
from loopline.workspace import Job

KIND = "retrain"
"""The kind of the entries; the subject is the package that decided."""


def run(job: Job) -> Facts:
    """Enter the request, with its reasons and the alerts that it is an answer to; once, however often it is run."""
    ledger, inputs = job.workspace.ledger, job.step.inputs
    reasons = inputs["reasons"]
    says = "; ".join(f"{one['trigger']}: {one['says']}" for one in reasons)
    if not ledger.read(kinds=(KIND,), key=job.step.key):
        body = {"triggers": [one["trigger"] for one in reasons], "alerts": [name for one in reasons for name in one["alerts"]], "says": says}
        ledger.append(Draft(kind=KIND, subject=inputs["champion"], key=job.step.key, body=body, parents=(job.attempt,)))
    return {"says": f"a retraining is asked for ({says})"}
