"""What the subject-matter expert does not let a model do: columns that it may not read, and directions in which it must hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from loopline.access.people import reason
from loopline.charter.spec import Task
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.model.spec import Direction, Hold

if TYPE_CHECKING:
    from loopline.model.plan import Plan

KIND = "constraint"
"""The kind of the entries in which an effect is refused, or a refusal withdrawn."""

SIGNS: Mapping[Hold, int] = {"rise": 1, "fall": -1, "exclude": 0}
_ORDERED = ("integer", "number", "boolean")


@dataclass(frozen=True, slots=True)
class Constraint:
    """What holds for one column.

    Parameters
    ----------
    hold
        ``exclude``: the model may not read it. ``rise``, ``fall``: the score may only rise, or only fall, with it.
    by, why
        Who says so, and why.
    """

    column: str
    hold: Hold
    by: str
    why: str

    @property
    def says(self) -> str:
        """The constraint in words."""
        return f"refused by {self.by}: {self.why}" if self.hold == "exclude" else f"may only {self.hold}, says {self.by}: {self.why}"

    def as_json(self) -> dict[str, str]:
        """The constraint as plain values."""
        return asdict(self)


def standing(newest: Iterable[Entry]) -> tuple[Constraint, ...]:
    """The constraints that stand, by column.

    Parameters
    ----------
    newest
        The newest entry of each column, as `loopline.ledger.state.State.constraints` has them.
    """
    held = (Constraint(entry.subject, entry.body["hold"], entry.actor, entry.body["why"]) for entry in newest if entry.body["hold"] is not None)
    return tuple(sorted(held, key=lambda one: one.column))


def declared(monotone: Mapping[str, Direction]) -> tuple[Constraint, ...]:
    """The constraints that the declaration names."""
    return tuple(Constraint(column, hold, "model.monotone", "declared") for column, hold in sorted(monotone.items()))


def held(monotone: Mapping[str, Direction], newest: Iterable[Entry]) -> dict[str, Constraint]:
    """What holds for each column, by its name: a word of the expert goes before the declaration's."""
    return {one.column: one for one in (*declared(monotone), *standing(newest))}


def excluded(constraints: Iterable[Constraint]) -> dict[str, str]:
    """The columns that the model may not read, each with who refused it and why."""
    return {one.column: one.says for one in constraints if one.hold == "exclude"}


def monotone_of(plan: Plan, constraints: Iterable[Constraint]) -> tuple[int, ...]:
    """For each feature of a plan 1 where the score may only rise with it, -1 where it may only fall, else 0; empty where no feature is held so.

    Raises
    ------
    Mistake
        When a column that is held in a direction has categories or dates for features, which have none.
    """
    held = {one.column: one for one in constraints if one.hold != "exclude"}
    made_of = {column for column, _ in plan.features}
    for one in held.values():
        if one.column in made_of and one.column not in plan.numbers:
            what = f"{one.column} has no direction in which the score could only {one.hold}: it is no number"
            raise Mistake(what, where=_where(one), remedy=_remedy(one))
    signs = tuple(SIGNS[held[column].hold] if column in held and name == column else 0 for column, name in plan.features)
    return signs if any(signs) else ()


def check_held(constraints: Iterable[Constraint], *, task: Task, columns: Iterable[str]) -> None:
    """Refuses what cannot be held.

    Parameters
    ----------
    columns
        The columns of the main table.

    Raises
    ------
    Mistake
        When the declaration names a column that is not there, or a direction is to be held for several classes.
    """
    there = list(columns)
    for one in constraints:
        if one.by == "model.monotone" and one.column not in there:
            raise Mistake(f"the column {one.column!r} is not in the table", where=_where(one), remedy=f"there are: {', '.join(there)}")
        if one.hold != "exclude" and task == "multiclass":
            what = f"{one.column} cannot be held to {one.hold}: a model of several classes has no one score that could"
            raise Mistake(what, where=_where(one), remedy=_remedy(one))


def refusal(
    column: str, *, hold: Hold, by: str, why: str, types: Mapping[str, str], task: Task, kept: Sequence[str] = (), parents: tuple[str, ...] = ()
) -> Draft:
    """The draft of the entry in which an effect is refused.

    Parameters
    ----------
    types
        The main table's columns and their types.
    kept
        Columns that are no features anyhow, such as the target: of them there is no effect to refuse.
    parents
        The package whose effects were seen.

    Raises
    ------
    Mistake
        When there is no such column, it has no direction, or the reason is empty.
    """
    if column not in types or column in kept:
        there = ", ".join(name for name in types if name not in kept)
        raise Mistake(f"there is no effect of a column {column!r}", remedy=f"the columns are: {there}")
    if hold != "exclude" and types[column] not in _ORDERED:
        what = f"{column} holds {_plural(types[column])}, which have no direction in which a score could only {hold}"
        raise Mistake(what, where="--may-only", remedy=f"keep it from the model: loopline model refuse {column} --exclude --why '...'")
    if hold != "exclude" and task == "multiclass":
        what = "a model of several classes has no one score that could only rise or fall"
        raise Mistake(what, where="--may-only", remedy=f"keep it from the model: loopline model refuse {column} --exclude --why '...'")
    return Draft(kind=KIND, subject=column, body={"hold": hold, "role": "expert", "why": reason(why)}, parents=parents, actor=by)


def withdrawal(column: str, *, by: str, why: str, newest: Mapping[str, Entry]) -> Draft:
    """The draft of the entry in which a refusal is withdrawn.

    Raises
    ------
    Mistake
        When no refusal of the column stands, or the reason is empty.
    """
    if column not in newest or newest[column].body["hold"] is None:
        there = [one.column for one in standing(newest.values())]
        raise Mistake(f"no refusal of {column!r} stands", remedy=f"refused are: {', '.join(there)}" if there else "loopline model effects shows the effects")
    return Draft(kind=KIND, subject=column, body={"hold": None, "role": "expert", "why": reason(why)}, parents=(newest[column].id,), actor=by)


def _plural(kind: str) -> str:
    return {"category": "categories", "text": "texts", "date": "dates", "datetime": "dates"}.get(kind, f"values of type {kind}")


def _where(one: Constraint) -> str:
    return f"model.monotone.{one.column}" if one.by == "model.monotone" else f"refused by {one.by}"


def _remedy(one: Constraint) -> str:
    return "take it out of model.monotone" if one.by == "model.monotone" else f"loopline model accept {one.column} --why '...'"
