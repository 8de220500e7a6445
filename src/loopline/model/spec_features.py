"""Features as they are declared beside the columns themselves: expressions over the row, rules, interactions, and comparisons with a group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from loopline.declaration import Spec
from loopline.expression.kinds import is_condition
from loopline.expression.language import parse
from loopline.model.spec_tables import Lags, Own, Rolling

RULE = "rule: "
"""What the name of a rule's feature begins with; the rule's text follows."""


def _expression(text: str) -> str:
    if not parse(text).names:
        raise ValueError(f"{text!r} reads no column, and so is the same in every row")
    return text


def _rule(text: str) -> str:
    if not is_condition(parse(text)):
        raise ValueError(f"{text!r} is no condition; write what holds or does not, as in dep_delay > 60")
    return _expression(text)


def _pair(names: tuple[str, str]) -> tuple[str, str]:
    if names[0] == names[1]:
        raise ValueError(f"{names[0]} stands twice; an interaction is one of two columns")
    return names


class GroupSpec(Spec):
    """A number, compared with its mean among the training rows of one category.

    Parameters
    ----------
    of
        The column of numbers.
    by
        The column of categories.
    how
        ``difference``: the number less the mean. ``ratio``: the number over the mean.
    """

    of: str
    by: str
    how: Literal["difference", "ratio"] = "difference"


Expressions = Annotated[dict[str, Annotated[str, AfterValidator(_expression)]], Field(max_length=200)]
Rules = Annotated[tuple[Annotated[str, AfterValidator(_rule)], ...], Field(max_length=200)]
Interactions = Annotated[tuple[Annotated[tuple[str, str], AfterValidator(_pair)], ...], Field(max_length=200)]
Groups = Annotated[tuple[GroupSpec, ...], Field(max_length=200)]


class Declared(Spec):
    """What is declared of features that are made of the row and the training rows.

    Parameters
    ----------
    expressions
        A number by its name: an expression over the row's columns, in which a date counts as days since 1970-01-01.
    interactions
        Pairs of columns. Of two numbers product and ratio are made, categories are crossed, and a number is compared with its mean by the category.
    groups
        Numbers compared with their mean by a category.
    """

    expressions: Expressions = {}
    interactions: Interactions = ()
    groups: Groups = ()

    @model_validator(mode="after")
    def _each_once(self) -> Declared:
        for name, all_of_them in (("interactions", [frozenset(pair) for pair in self.interactions]), ("groups", list(self.groups))):
            for at, one in enumerate(all_of_them):
                if one in all_of_them[:at]:
                    raise ValueError(f"{name} says the same twice, at place {at + 1}")
        for name in self.expressions:
            if not name.strip() or name.startswith(("__", RULE)):
                raise ValueError(f"{name!r} is no name for an expression")
        return self

    @property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """The columns that each declaration reads, by where it stands; an expression's in the order of its text."""
        read = {f"model.features.expressions.{name}": names_in(text) for name, text in self.expressions.items()}
        read |= {f"model.features.interactions[{at}]": pair for at, pair in enumerate(self.interactions)}
        return read | {f"model.features.groups[{at}]": (group.of, group.by) for at, group in enumerate(self.groups)}


def names_in(text: str) -> tuple[str, ...]:
    """The columns that an expression reads, in the order in which its text names them."""
    return tuple(sorted(parse(text).names, key=lambda name: (text.find(name), name)))


def read_by(rules: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns that each rule reads, by where it stands, in the order of its text."""
    return {f"model.rules[{at}]": names_in(text) for at, text in enumerate(rules)}


class FeatureSpec(Declared):
    """How columns become features; `Declared` has what is made beside the columns themselves.

    Parameters
    ----------
    own
        Tables that functions of one's own make, by name; a function alone makes one by the main source's key.
    lags
        Values of earlier rows of the same entity.
    rolling
        Figures over what came to be known of an entity in a window of time.
    select
        Whether columns that tell nothing or repeat others are dropped by evidence. By default not where rows stand in the order of time: what
        told nothing so far may be what tells the time to come. Measured on the bank data, split by time: the ROC AUC of the test part fell from
        0.72 to 0.50, for `nr.employed` had said what `emp.var.rate` says, until it no longer did.
    """

    own: Own = {}
    lags: Lags = ()
    rolling: Rolling = ()
    select: bool | None = None
