"""What the model step was asked for, typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopline.charter.spec import Task, WorthSpec
from loopline.charter.worth import Worth
from loopline.declaration import Moment, parse_moment
from loopline.errors import Mistake
from loopline.expression.language import parse
from loopline.model.candidates import Judge
from loopline.model.constraints import Constraint, check_held, declared, excluded
from loopline.model.declared import require_sound
from loopline.model.features import Column
from loopline.model.spec import ModelSpec, PolicySpec
from loopline.model.spec_features import read_by


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
    constraints
        What the declaration and the expert hold of columns; an expert's word on a column comes before the declaration's.
    units
        The units that the contract names, by column.
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
    constraints: tuple[Constraint, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    decided: Moment | None = None
    outcome_known: Moment | None = None

    @classmethod
    def of(cls, reads: Mapping[str, Any], inputs: Mapping[str, Any]) -> Order:
        """The order from a step's fields and inputs.

        Raises
        ------
        Mistake
            When a constraint cannot be held.
        """
        model = ModelSpec.model_validate(reads["model"])
        said = {one.column: one for one in (*declared(model.monotone), *(Constraint(**one) for one in inputs.get("constraints", ())))}
        check_held(said.values(), task=inputs["task"], columns=[column["name"] for column in inputs["columns"]])
        return cls(
            model=model,
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
            constraints=tuple(said.values()),
            units=reads.get("units", {}),
            decided=_moment(reads.get("decided")),
            outcome_known=_moment(reads.get("outcome_known")),
        )

    @property
    def judge(self) -> Judge:
        """What judges scores."""
        return Judge(self.task, self.classes, Worth.of(self.worth, self.task), by=self.model.search.by, declared=self.model.policy)

    @property
    def priced(self) -> frozenset[str]:
        """The columns that worth and policy read."""
        cost = self.model.policy.cost
        return self.judge.worth.columns | (parse(cost).names if isinstance(cost, str) else frozenset())

    @property
    def dividing(self) -> frozenset[str]:
        """The columns that say what a row's outcome is, what it is worth, and which part it belongs to."""
        split, moments = self.model.split, {one.column for one in (self.decided, self.outcome_known) if one is not None}
        return frozenset({self.target, *self.key, *self.priced, *moments, *({self.time, split.group, split.column} - {None})})  # type: ignore[arg-type]

    @property
    def ruled(self) -> frozenset[str]:
        """The columns that the team's present rule reads.

        Raises
        ------
        Mistake
            When the rule is no expression.
        """
        if self.model.baseline is None:
            return frozenset()
        try:
            return parse(self.model.baseline).names
        except ValueError as error:
            remedy = "write it as in dep_delay > 15"
            raise Mistake(f"the rule is no expression: {error}", where="model.baseline", remedy=remedy) from None

    @property
    def made_of(self) -> frozenset[str]:
        """The columns that declared features and the expert's rules read."""
        reads = {**self.model.features.reads, **read_by(self.model.rules)}
        return frozenset(name for names in reads.values() for name in names)

    @property
    def selects(self) -> bool:
        """Whether columns that tell nothing are dropped."""
        said = self.model.features.select
        return not (self.ordered or self.time is not None) if said is None else said

    @property
    def apart(self) -> frozenset[str]:
        """The columns that are no features, whatever they hold: the target, the keys, and those that only say how rows are split."""
        split = self.model.split
        return frozenset({self.target, *self.key, *self.model.leave_out, *excluded(self.constraints), *({split.group, split.column} - {None})})  # type: ignore[arg-type]

    @property
    def moments(self) -> frozenset[str]:
        """The columns that the moments of decision and outcome are told from."""
        return frozenset(moment.column for moment in (self.decided, self.outcome_known) if moment is not None)

    def read_columns(self) -> list[str]:
        """The table's columns that are needed, in its order.

        Raises
        ------
        Mistake
            When the worth, the policy or a criterion names a column that the table has not, or the policy is none for the task or the rows.
        """
        self._require_policy()
        there = [column.name for column in self.columns]
        require_sound(self.model.features, self.model.rules, target=self.target, columns=there)
        split = self.model.split
        asked: tuple[tuple[Sequence[str], str], ...] = (
            (sorted(self.judge.worth.columns), "charter.worth"),
            (sorted(self.priced), "model.policy.cost"),
            (self.slices, "charter.acceptance"),
            (sorted(self.ruled), "model.baseline"),
            ([split.group] if split.group else [], "model.split.group"),
            ([split.column] if split.column else [], "model.split.column"),
            ([self.decided.column] if self.decided else [], "charter.decided"),
            ([self.outcome_known.column] if self.outcome_known else [], "charter.outcome_known"),
        )
        for names, where in asked:
            for name in names:
                if name not in there:
                    raise Mistake(f"the column {name!r} is not in the table", where=where, remedy=f"there are: {', '.join(there)}")
        used = {
            self.target,
            *self.made_of,
            *self.key,
            *self.slices,
            *self.priced,
            *self.ruled,
            *self.moments,
            *({self.time, split.group, split.column} - {None}),
        }
        left_out = {*self.model.leave_out, *excluded(self.constraints)}
        return [column.name for column in self.columns if column.name in used or (column.use and column.name not in left_out)]

    def _require_policy(self) -> None:
        said = self.model.policy
        if self.task != "binary" and said != PolicySpec():
            what = f"a policy is declared, and the task is {self.task}: there is no acting and resting to choose between"
            raise Mistake(what, where="model.policy", remedy="take it away, or predict something that happens or does not")
        if said.limit is not None and self.time is None:
            what, where = f"a limit per {said.limit} needs the time of the rows", "model.policy.capacity" if said.capacity else "model.policy.budget"
            raise Mistake(what, where=where, remedy="name the source's time, a column of dates")


def columns_of(facts: Mapping[str, Any]) -> tuple[Column, ...]:
    """The main table's columns, from the data stage's facts."""
    return tuple(Column(column["name"], column["type"], column["use"]) for column in facts["columns"])


def _moment(said: str | None) -> Moment | None:
    return None if said is None else parse_moment(said)
