"""The hold-out as it is declared, in the words of the server that gives it."""

from __future__ import annotations

from loopline.ledger.store import Ledger
from loopline.serve.apart import Apart, Holdout
from loopline.serve.experiments import apart
from loopline.value.spec import BASELINE, HoldoutSpec


def given(spec: HoldoutSpec | None, project: str) -> Holdout | None:
    """What the server holds out; None where nothing is.

    The same keys are held out as long as the project has its name: a greater share adds keys to those of a smaller one.

    Examples
    --------
    >>> given(HoldoutSpec(share="5%"), "shop")
    Holdout(share=0.05, salt='hold-out of shop', decision=None)
    """
    if spec is None or not spec.share:
        return None
    return Holdout(spec.share, f"hold-out of {project}", None if spec.decision == BASELINE else spec.decision)


def apart_of(spec: HoldoutSpec | None, project: str, ledger: Ledger) -> Apart:
    """What is decided apart from the packages' policies now: the declared hold-out, and the running experiment on policies."""
    return apart(ledger, given(spec, project))
