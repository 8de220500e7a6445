"""The plan of a rollout as it is declared: the legs by which a package takes traffic, and what counts as worse or good enough."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from loopline.charter.spec import Role
from loopline.declaration import Span, Spec, parse_duration, say_duration

KINDS = ("shadow", "canary", "full")
FORMS = {"shadow": "shadow 1h", "canary": "canary 5% 1h", "full": "full"}
"""How a leg of each kind is written."""

FORM = " -> ".join(FORMS.values())

_SHARE = re.compile(r"-?\d+(?:\.\d+)?%")


class Leg(Spec):
    """One part of a rollout: who answers which share of the requests, and for how long at least.

    In a shadow the champion answers, and the challenger is asked as well (`share` 0); full is the end (`share` 1, `hours` 0).
    """

    kind: Literal["shadow", "canary", "full"]
    share: float
    hours: float

    @property
    def split(self) -> float:
        """The challenger's share of the requests that both are compared on: a half in a shadow, where each request is given to both."""
        return 0.5 if self.kind == "shadow" else self.share

    def __str__(self) -> str:
        share = f" {self.share * 100:.10g}%" if self.kind == "canary" else ""
        return self.kind + share + ("" if self.kind == "full" else f" {say_duration(timedelta(hours=self.hours))}")


def parse_leg(text: object) -> Leg:
    """A leg from words such as ``shadow 1h``, ``canary 5% 1h`` or ``full``.

    Raises
    ------
    ValueError
        When the words are no leg; it says how one is written.
    """
    if isinstance(text, Leg):
        return text
    kind, *rest = str(text).split() or [""]
    if kind not in KINDS:
        near = get_close_matches(kind, KINDS, n=1, cutoff=0.5)
        raise ValueError(f"there is no leg {kind!r}; " + (f"did you mean {near[0]!r}?" if near else f"write {', '.join(FORMS.values())}"))
    share = rest.pop(0) if kind == "canary" and rest and _SHARE.fullmatch(rest[0]) else ""
    if len(rest) != (kind != "full") or bool(share) != (kind == "canary"):
        raise ValueError(f"{str(text)!r} is not a leg; write it as {FORMS[kind]!r}")
    if kind == "full":
        return Leg(kind="full", share=1.0, hours=0.0)
    hours = parse_duration(rest[0]).total_seconds() / 3600
    if not hours:
        raise ValueError(f"{str(text)!r} lasts no time; write it as {FORMS[kind]!r}")
    if kind == "shadow":
        return Leg(kind="shadow", share=0.0, hours=hours)
    part = float(share[:-1]) / 100
    if not 0 < part < 1:
        raise ValueError(f"{share} is not a canary's share; write one above 0% and below 100%, such as {FORMS['canary']!r}, or full")
    return Leg(kind="canary", share=part, hours=hours)


LegText = Annotated[Leg, BeforeValidator(parse_leg), PlainSerializer(str, return_type=str), WithJsonSchema({"type": "string"})]


class Plan(Spec):
    """The legs of a rollout, and what counts as worse or good enough.

    `alpha`: the share of equal challengers that may be withdrawn by chance. `withdraw_within`: the requests within which harm is to be seen best; the
    bounds are drawn for it, and hold at any number. `error_margin`: by how much the share of errors may be higher. `latency_margin_ms`: how much longer an
    answer may take on average. `non_inferiority`: how much less money per decision is still good enough; at 0 the challenger must surely earn more.
    `without_outcomes`: whether a challenger of unknown worth is held, or an approval of the `approver` may pass it. `patience`: how long a leg may
    stay undecided beyond its time before a person is told.
    """

    legs: Annotated[tuple[LegText, ...], Field(alias="plan")] = (Leg(kind="full", share=1.0, hours=0.0),)
    alpha: float = Field(default=0.05, gt=0, le=0.5)
    withdraw_within: int = Field(default=10_000, ge=100)
    error_margin: float = Field(default=0.01, ge=0, lt=1)
    latency_margin_ms: float = Field(default=5.0, ge=0, allow_inf_nan=False)
    non_inferiority: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    without_outcomes: Literal["hold", "approve"] = "hold"
    approver: Role = "business"
    patience: Span = timedelta(days=7)

    @field_validator("legs", mode="before")
    @classmethod
    def _apart(cls, legs: object) -> list[object]:
        if isinstance(legs, str):
            return [part.strip() for part in legs.split("->")]
        if isinstance(legs, list | tuple):
            return list(legs)
        raise ValueError(f"{legs!r} is no plan; write its legs, such as {FORM}")

    @model_validator(mode="after")
    def _rises(self) -> Plan:
        for one, following in pairwise(self.legs):
            if following.share <= one.share:
                raise ValueError(f"{following} comes after {one}; let the share rise from leg to leg: shadow first, then canaries, then full")
        if not self.legs or self.legs[-1].kind != "full":
            raise ValueError("the plan does not end with full; add full as its last leg")
        return self

    @property
    def alpha_each(self) -> float:
        """What each of the three questions (worth, errors, latency) may spend of `alpha`; legs spend nothing, as each question has one test for all of them."""
        return self.alpha / 3

    @property
    def tightest(self) -> float:
        """The number of pairs that `withdraw_within` requests are worth in the first leg in which both answer."""
        split = next((leg.split for leg in self.legs if leg.kind == "canary"), 0.5)
        return self.withdraw_within * split * (1 - split)

    @property
    def is_declared(self) -> bool:
        """Whether there is anything before full."""
        return len(self.legs) > 1

    def as_json(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Plan:
        """The plan that `as_json` wrote."""
        return cls.model_validate(found)

    def __str__(self) -> str:
        return " -> ".join(map(str, self.legs))


def _spelled(declared: object) -> object:
    return declared if isinstance(declared, dict | Plan) else {"plan": declared}


PlanText = Annotated[Plan, BeforeValidator(_spelled)]
"""A plan as it is declared: its legs as a list or as one text with ``->``, or a mapping with settings beside them."""
