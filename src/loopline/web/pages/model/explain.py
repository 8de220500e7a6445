"""Why a row gets its score and its decision, and what would turn it: by a prediction's id, or by values that are typed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.charts import Bar, bars
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.model.background import Background
from loopline.model.example import example
from loopline.model.package import Package
from loopline.model.packages import named, require
from loopline.model.policy import say
from loopline.model.predictor import BACKGROUND
from loopline.model.turning import turns
from loopline.serve.explained import NO_REASONS, told, typed
from loopline.serve.recall import Recalled, recall
from loopline.serve.scorer import Scorer
from loopline.serve.signature import EXPECTED, Column
from loopline.sheet.document import Picture
from loopline.web.asked import SEE_ROWS, Asked
from loopline.web.current import Current
from loopline.web.page import Missing, Page, never
from loopline.web.pages.model.kept import package_of, scorer_of

OF_ROWS = SEE_ROWS
"""Who may see single rows: those who work with them. Whoever decides by the figures alone does not."""
SHOWN = 12
"""Reasons that are told."""
_WHOLE = ("integer", "boolean")


@dataclass(frozen=True)
class Field:
    """A field of the form: a column of the signature, and what stands in it.

    Parameters
    ----------
    name
        Its name in the form, which no column's name can disturb.
    values
        Values that were seen in training.
    """

    name: str
    column: str
    type: str
    value: str
    note: str
    is_required: bool
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is told of one row.

    Parameters
    ----------
    found
        As ``loopline model explain --row --json`` has it, with the ``decision`` and, of several classes, their ``scores``; None where nothing is asked yet.
    turning
        What would turn the decision, the smallest change first.
    problem
        What is wrong with the row.
    answered
        What was answered, where a prediction is explained.
    policy
        What turns scores into decisions, in words.
    """

    package: str
    policy: str
    task: str
    target: str
    fields: tuple[Field, ...]
    found: Mapping[str, Any] | None
    turning: tuple[Mapping[str, Any], ...]
    problem: Mistake | None
    answered: Recalled | None
    picture: Picture | None

    @property
    def title(self) -> str:
        """Whom it is asked of."""
        return f"Why, says package {self.package[:12]}"

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        problem = None if self.problem is None else {"what": self.problem.what, "where": self.problem.where, "remedy": self.problem.remedy}
        told = {"found": self.found, "turning": list(self.turning), "problem": problem}
        return {"package": self.package, "row": {field.column: field.value for field in self.fields}, **told}


def explain(current: Current, asked: Asked) -> Explanation:
    """Why a row gets its score: the prediction with an ``id``, or the values ``c0``, ``c1``, ... of the signature's columns.

    A prediction is explained by the package that made it; values by the package of the path, or by the newest.

    Raises
    ------
    Missing
        When there is no such prediction.
    Mistake
        When there is no such package, or it tells no reasons.
    """
    id = asked.query.get("id", "").strip()
    answered = _recalled(current, id) if id else None
    entry = named(current.state, asked.path.get("digest") if answered is None else answered.package)
    require(current.state, current.workspace.ledger, entry, BACKGROUND, lack=NO_REASONS, instead="loopline model explain")
    package, scorer = package_of(current, entry), scorer_of(current, entry)
    columns = [column for column in scorer.signature.columns if column.needed or (answered is not None and column.name in answered.row)]
    texts = {column.name: asked.query[f"c{at}"] for at, column in enumerate(columns) if f"c{at}" in asked.query} if answered is None else {}
    found: dict[str, Any] | None = None
    turning: tuple[Mapping[str, Any], ...] = ()
    problem: Mistake | None = None
    try:
        if answered is not None:
            found, turning = _found(scorer, package, scorer.typed(answered.row), id)
        elif texts:
            row = {column.name: _value(column, texts.get(column.name, "")) for column in columns}
            found, turning = _found(scorer, package, typed(scorer, current.workspace.lake, row, where="the row"), None)
    except Mistake as error:
        problem = error
    shown = texts or _texts(columns, answered.row if answered is not None else _example(package, columns))
    return Explanation(
        package=entry.subject,
        policy=say(package.parsed("policy.json")),
        task=str(package.manifest["task"]),
        target=str(package.manifest["target"]),
        fields=tuple(_field(at, column, shown.get(column.name, "")) for at, column in enumerate(columns)),
        found=found,
        turning=turning,
        problem=problem,
        answered=answered,
        picture=None if found is None or not found["reasons"] else _picture(found),
    )


def _recalled(current: Current, id: str) -> Recalled:
    try:
        return recall(current.workspace.lake, id)
    except Mistake as error:
        raise Missing(error.what, where="id", remedy=error.remedy) from None


def _found(scorer: Scorer, package: Package, columns: Mapping[str, Sequence[Any]], id: str | None) -> tuple[dict[str, Any], tuple[Mapping[str, Any], ...]]:
    scores = scorer.predict(columns)
    classes, task = package.manifest["classes"], package.manifest["task"]
    by_class = None if scores.scores is None else dict(zip(classes, scores.scores[0].tolist(), strict=True))
    found = {**told(scorer, scorer.reasons(columns), SHOWN, id=id), "decision": scores.decision.tolist()[0], "scores": by_class}
    if task == "regression":
        # A predicted value has no other side to be turned to.
        return found, ()
    whole = frozenset(column.name for column in scorer.signature.columns if column.type in _WHOLE)
    background = Background.of_json(package.parsed(BACKGROUND))
    return found, tuple(turn.as_json() for turn in turns(scorer.predict, columns, background, whole=whole))


def _value(column: Column, text: str) -> Any:
    """What was typed, as the signature reads it; what it cannot read is left as it is, and refused by it in words."""
    text = text.strip()
    if not text:
        return None
    if column.type in ("integer", "number"):
        try:
            return int(text) if column.type == "integer" else float(text)
        except ValueError:
            return text
    return {"true": True, "false": False}.get(text.lower(), text) if column.type == "boolean" else text


def _example(package: Package, columns: Sequence[Column]) -> dict[str, Any]:
    """A row of usual values, which is nobody's."""
    asked = [{"name": column.name, "type": column.type, "required": column.required} for column in columns]
    return {name: values[0] for name, values in example(package, asked).items()}


def _texts(columns: Sequence[Column], row: Mapping[str, Any]) -> dict[str, str]:
    said = {column.name: row.get(column.name) for column in columns}
    return {name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value) for name, value in said.items()}


def _field(at: int, column: Column, value: str) -> Field:
    values = ("true", "false") if column.type == "boolean" else tuple(str(one) for one in column.values)
    note = EXPECTED[column.type] + ("" if column.required else ", or nothing")
    return Field(f"c{at}", column.name, column.type, value, note, column.required, values)


def _picture(found: Mapping[str, Any]) -> Picture:
    reasons = found["reasons"]
    drawn = [Bar(name=f"{one['column']} = {one['value']}", value=one["effect"]) for one in reasons]
    if abs(found["rest"]) > 1e-12:
        drawn.append(Bar(name="all other columns", value=found["rest"]))
    title = f"From {figure(found['base'])}, the mean of usual rows, to {figure(found['score'])}"
    return Picture("What each column adds to the score", lambda width: bars(drawn, title=title, unit="added to the score", width=width))


PAGES = (
    # A report has no form to be typed into.
    Page("explain", "/model/explain", explain, "model_explain.html.j2", OF_ROWS, reported=never),
    Page("explain-package", "/model/packages/{digest}/explain", explain, "model_explain.html.j2", OF_ROWS, reported=never),
)
