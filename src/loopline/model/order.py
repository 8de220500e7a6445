"""What the model step was asked for, typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.charter.spec import Task, WorthSpec
from loopline.charter.worth import Worth
from loopline.declaration import Moment, parse_moment
from loopline.errors import Mistake
from loopline.model.candidates import Judge
from loopline.model.features import Column
from loopline.model.spec import ModelSpec


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the step was asked for, typed.

    Parameters
    ----------
    ordered
        Whether the rows stand in the order of time although no column says when.
    slices
        Columns whose slices acceptance criteria speak of.
    required
        Columns that the contract does not let be null.
    lookups
        How columns were looked up, as plain values (`loopline.data.moments.Lookup`).
    decided, outcome_known
        The moments of the decision and of the outcome, as the charter says them.
    """

    model: ModelSpec
    worth: WorthSpec
    decision: str
    target: str
    task: Task
    positive: str | None
    classes: tuple[str, ...]
    columns: tuple[Column, ...]
    time: str | None
    key: tuple[str, ...]
    ordered: bool
    slices: tuple[str, ...]
    required: frozenset[str]
    lookups: tuple[Mapping[str, Any], ...] = ()
    decided: Moment | None = None
    outcome_known: Moment | None = None

    @classmethod
    def of(cls, reads: Mapping[str, Any], inputs: Mapping[str, Any]) -> Order:
        """The order from a step's fields and inputs."""
        return cls(
            model=ModelSpec.model_validate(reads["model"]),
            worth=WorthSpec.model_validate(reads["worth"]),
            decision=reads["decision"],
            target=reads["predict"],
            task=inputs["task"],
            positive=inputs["positive"],
            classes=tuple(inputs["classes"]),
            columns=columns_of(inputs),
            time=inputs["time"],
            key=tuple(inputs["key"]),
            ordered=inputs["order"] == "rows",
            slices=tuple(reads["slices"]),
            required=frozenset(reads["required"]),
            lookups=tuple(inputs.get("lookups", ())),
            decided=_moment(reads.get("decided")),
            outcome_known=_moment(reads.get("outcome_known")),
        )

    @property
    def judge(self) -> Judge:
        """What judges scores."""
        return Judge(self.task, self.classes, Worth.of(self.worth, self.task), by=self.model.search.by)

    @property
    def apart(self) -> frozenset[str]:
        """The columns that are no features, whatever they hold: the target, the keys, and those that only say how rows are split."""
        split = self.model.split
        return frozenset({self.target, *self.key, *self.model.leave_out, *({split.group, split.column} - {None})})  # type: ignore[arg-type]

    @property
    def moments(self) -> frozenset[str]:
        """The columns that the moments of decision and outcome are told from."""
        return frozenset(moment.column for moment in (self.decided, self.outcome_known) if moment is not None)

    def read_columns(self) -> list[str]:
        """The table's columns that are needed, in its order.

        Raises
        ------
        Mistake
            When the worth or a criterion names a column that the table has not.
        """
        there = [column.name for column in self.columns]
        split = self.model.split
        asked: tuple[tuple[Sequence[str], str], ...] = (
            (sorted(self.judge.worth.columns), "charter.worth"),
            (self.slices, "charter.acceptance"),
            ([split.group] if split.group else [], "model.split.group"),
            ([split.column] if split.column else [], "model.split.column"),
            ([self.decided.column] if self.decided else [], "charter.decided"),
            ([self.outcome_known.column] if self.outcome_known else [], "charter.outcome_known"),
        )
        for names, where in asked:
            for name in names:
                if name not in there:
                    raise Mistake(f"the column {name!r} is not in the table", where=where, remedy=f"there are: {', '.join(there)}")
        used = {self.target, *self.key, *self.slices, *self.judge.worth.columns, *self.moments, *({self.time, split.group, split.column} - {None})}
        left_out = set(self.model.leave_out)
        return [column.name for column in self.columns if column.name in used or (column.use and column.name not in left_out)]


def columns_of(facts: Mapping[str, Any]) -> tuple[Column, ...]:
    """The main table's columns, from the data stage's facts."""
    return tuple(Column(column["name"], column["type"], column["use"]) for column in facts["columns"])


def _moment(said: str | None) -> Moment | None:
    return None if said is None else parse_moment(said)
