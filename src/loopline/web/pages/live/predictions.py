"""A prediction found by its id: the row, the decision, the reasons, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline.errors import LooplineError, Mistake
from loopline.model.packages import named
from loopline.serve.explained import told
from loopline.serve.recall import After, Recalled, after, recall
from loopline.web.asked import SEE_ROWS, Asked
from loopline.web.beside import BESIDE
from loopline.web.current import Current
from loopline.web.page import Missing, Page, never
from loopline.web.pages.model.kept import scorer_of

REASONS = 8


@dataclass(frozen=True)
class Reasons:
    """Why a row got its score: the score of usual rows, the strongest reasons, and what all other columns come to; or why that is not told."""

    base: float = 0.0
    strongest: tuple[dict[str, Any], ...] = ()
    rest: float = 0.0
    lack: str = ""


@dataclass(frozen=True)
class Predictions:
    """The search, and what it found.

    Parameters
    ----------
    id
        What was searched; empty before anything was.
    are_told
        Whether the reasons have been worked out.
    """

    title: str
    id: str
    found: Recalled | None = None
    after: After | None = None
    reasons: Reasons | None = None
    are_told: bool = True
    decides: bool = False

    @property
    def columns(self) -> tuple[tuple[str, Any, bool], ...]:
        """The columns of the row, and of what was looked up for it, which is told apart."""
        if self.found is None:
            return ()
        own = [(name, value, False) for name, value in self.found.row.items()]
        looked_up = [(name, value, True) for name, value in self.found.looked_up.items()]
        return (*own, *looked_up)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        if self.found is None or self.after is None:
            return {"id": None}
        one, came, why = self.found, self.after, self.reasons
        told = {"id": one.id, "package": one.package, "time": one.time, "event_time": one.event_time, "score": one.score, "scores": one.scores}
        said = {"decision": one.decision, "row": one.row, "looked_up": one.looked_up, "ms": one.ms, "apart": one.apart}
        reasons = None if why is None or why.lack else {"base": why.base, "reasons": list(why.strongest), "rest": why.rest}
        heard = {"outcomes": list(came.outcomes), "feedback": list(came.feedback), "shadows": list(came.shadows)}
        return {**told, **said, "reasons": reasons, "reasons_lack": "" if why is None else why.lack, **heard}


def view(current: Current, asked: Asked) -> Predictions:
    """The prediction that is searched; the search alone where none is."""
    id = asked.query.get("id", "").strip()
    if not id:
        return Predictions("Predictions", "")
    lake = current.workspace.lake
    try:
        found = recall(lake, id)
    except Mistake as error:
        raise Missing(error.what, remedy=error.remedy) from None
    reasons, are_told = _told(current, found)
    return Predictions(f"Prediction {id}", id, found, after(lake, id), reasons, are_told, found.package == current.state.champion)


def _told(current: Current, found: Recalled) -> tuple[Reasons | None, bool]:
    """The reasons, and whether they have been worked out; what is in the way may be gone when they are asked again."""
    try:
        return BESIDE.ask(("reasons", current.project.name, found.id, found.package, len(current.state.vouched)), lambda: _reasons(current, found))
    except LooplineError as error:
        return Reasons(lack=f"{error.what}; {error.remedy}" if error.remedy else error.what), True


def _reasons(current: Current, found: Recalled) -> Reasons:
    """Why the row got its score, by the package that gave it."""
    scorer = scorer_of(current, named(current.state, found.package))
    said = told(scorer, scorer.explain(found.row), REASONS)
    return Reasons(said["base"], tuple(said["reasons"]), said["rest"] if abs(said["rest"]) > 1e-12 else 0.0)


PAGES = (Page("predictions", "/live/predictions", view, "live_predictions.html.j2", SEE_ROWS, reported=never),)
