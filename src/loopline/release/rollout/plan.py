"""The plan of a rollout as it is declared: its legs, and what its evidence is held to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from loopline.declaration import Span, Spec, parse_duration, say_duration

Kind = Literal["shadow", "canary", "full"]
KINDS: tuple[str, ...] = get_args(Kind)
_LEG = re.compile(r"(?P<kind>[A-Za-z]+)(?:\s+(?P<share>\d+(?:\.\d+)?)\s*%)?(?:\s+(?P<span>\S.*))?")
_EXAMPLE = "shadow 1h -> canary 5% 1h -> canary 25% 2h -> full"


class Leg(Spec):
    """A stretch of a rollout.

    `kind`: ``shadow`` (the champion answers, the challenger's answer is only logged), ``canary`` (the challenger answers its share) or ``full``. `share`:
    of the keys, 0 to 1. `span`: how long it lasts at least.
    """

    kind: Kind
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    span: Span = timedelta(0)

    def __str__(self) -> str:
        share = "" if self.share == 1 and self.kind != "canary" else f" {100 * self.share:g}%"
        return self.kind + share + ("" if self.kind == "full" else f" {say_duration(self.span)}")


def parse_leg(text: str) -> Leg:
    """A leg from words such as ``canary 5% 1h``.

    Raises
    ------
    ValueError
        When they are no leg.
    """
    match = _LEG.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no leg of a rollout; write it as in: {_EXAMPLE}")
    kind, share, span = match["kind"].lower(), match["share"], match["span"]
    if kind not in KINDS:
        near = get_close_matches(kind, KINDS, n=1, cutoff=0.5)
        raise ValueError(f"there is no leg {kind!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(KINDS)}"))
    if kind == "full":
        if share is not None or span is not None:
            raise ValueError(f"{text!r}: full is all of the traffic for good; write full alone")
        return Leg(kind="full")
    if kind == "canary" and share is None:
        raise ValueError(f"{text!r}: a canary answers a share of the traffic; write for instance canary 5% 1h")
    if span is None:
        raise ValueError(f"{text!r} does not say how long it lasts at least; write for instance {kind}{f' {share}%' if share else ''} 1h")
    part = 1.0 if share is None else float(share) / 100
    if not 0 < part <= 1 or (kind == "canary" and part == 1):
        raise ValueError(f"{text!r}: the share of a {kind} lies above 0 % and {'below' if kind == 'canary' else 'up to'} 100 %")
    return Leg.model_validate({"kind": kind, "share": part, "span": parse_duration(span)})


def _legs(said: object) -> object:
    parts = re.split(r"\s*->\s*", said.strip()) if isinstance(said, str) else said
    if not isinstance(parts, Sequence):
        return parts
    return tuple(parse_leg(part) if isinstance(part, str) else part for part in parts)


Legs = Annotated[
    tuple[Leg, ...],
    BeforeValidator(_legs),
    PlainSerializer(lambda legs: [str(leg) for leg in legs], return_type=list[str]),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Plan(Spec):
    """The legs of a rollout, and what its evidence is held to.

    `steps`: the legs; the last one is ``full``. `margin`: money per decision of all traffic that may be at stake: a leg is begun once the loss that the
    evidence does not rule out, times the share that the challenger would answer, is no more; a tenth of what the champion earns by default. `errors`: share
    of its requests that the challenger may fail. `slower_ms`: milliseconds that it may take longer than the champion. `false_alarm`: the chance that a
    challenger which is just as good is withdrawn. `within`: requests answered by the challenger around which the test is sharpest. `without_outcomes`:
    what is done at the end of a leg when its outcomes are too few to tell: ``hold`` it, or ``ask`` a person to promote it.
    """

    steps: Legs = ()
    margin: Annotated[float, Field(gt=0)] | None = None
    errors: Annotated[float, Field(gt=0, lt=1)] = 0.01
    slower_ms: Annotated[float, Field(gt=0)] = 5.0
    false_alarm: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    within: Annotated[int, Field(ge=100)] = 10_000
    without_outcomes: Literal["hold", "ask"] = "hold"

    @model_validator(mode="after")
    def _leads_to_full(self) -> Plan:
        if not self.steps:
            return self
        if self.steps[-1].kind != "full":
            raise ValueError(f"the last step is full; write for instance: {' -> '.join([*map(str, self.steps), 'full'])}")
        if any(leg.kind == "full" for leg in self.steps[:-1]):
            raise ValueError("full stands once, at the end")
        order = [0.0 if leg.kind == "shadow" else leg.share for leg in self.steps]
        for before, leg, after in zip(order, self.steps[1:], order[1:], strict=False):
            if after < before:
                raise ValueError(f"{leg}: a later step takes no less than the one before; shadows come first, and shares grow")
        return self

    @property
    def is_declared(self) -> bool:
        """Whether there is anything between the approvals and full traffic."""
        return len(self.steps) > 1

    def at_stake(self, leg: int) -> float:
        """The share of the decisions that the challenger takes in a leg; 0 in a shadow."""
        return 0.0 if self.steps[leg].kind == "shadow" else self.steps[leg].share

    def __str__(self) -> str:
        return " -> ".join(map(str, self.steps))

    def as_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return self.model_dump(mode="json")

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Plan:
        """The inverse of `as_json`."""
        return cls.model_validate(said)


def _plan(said: object) -> object:
    return {"steps": said} if isinstance(said, (str, list, tuple)) else said


PlanText = Annotated[Plan, BeforeValidator(_plan)]
"""A plan, or its steps alone: one text with arrows, or a list."""
