"""What a person asks of an experiment: its arms and its plan, from the options and from what was served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from math import isfinite
from typing import Any

from pydantic import TypeAdapter, ValidationError

from loopline.declaration import Share
from loopline.errors import Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.loop import Loop
from loopline.model.package import load
from loopline.model.policy import promise
from loopline.model.signing import Trust
from loopline.release.approvals import named
from loopline.release.withdrawal import withdrawal
from loopline.serve.assign import OUTCOME
from loopline.serve.experiments import Arm, Sort
from loopline.value.experiment import assignment
from loopline.value.experiment.expected import expected
from loopline.value.experiment.planner import Measured as Before
from loopline.value.experiment.planner import Need, last_day, measured_of, need
from loopline.value.experiment.results import before_it
from loopline.value.experiment.spec import BUILT_IN, WORTH, Plan
from loopline.value.logged import Measured, read
from loopline.value.offpolicy import Estimated

NEWEST = 300_000
"""So many of the newest decisions tell how worth scatters."""
_NUMBERS = {
    "effect": "the smallest difference per unit that is worth finding, more than 0",
    "confidence": "a share of more than 0.5 and less than 1, such as 0.95",
    "power": "a share from 0.5 up to less than 1, such as 0.8",
}
"""What an option's number is to be."""
_SORTS: Mapping[str, Sort] = {"variants": "policy", "package": "package", "arms": "feature"}


@dataclass(frozen=True)
class Asked:
    """An experiment as it is asked for.

    Parameters
    ----------
    said
        The options of the command, by their names.
    """

    loop: Loop
    said: Mapping[str, Any]
    sort: Sort
    arms: tuple[Arm, ...]
    draft: Plan

    @classmethod
    def of(cls, loop: Loop, said: Mapping[str, Any]) -> Asked:
        """What the options ask for.

        Raises
        ------
        Mistake
            When they name nothing to compare, or more than one thing; when a value is none.
        """
        named_sorts = [sort for option, sort in _SORTS.items() if said[option]]
        if len(named_sorts) != 1:
            what = "nothing to compare is named" if not named_sorts else f"an experiment compares one thing, and {' and '.join(named_sorts)} are named"
            raise Mistake(what, where="--policy, --package or --arms", remedy="name a variant of the policy, another package, or the arms of a feature")
        sort, share = named_sorts[0], _share(said["share"])
        plan = _plan(said, sort)
        return cls(loop, said, sort, _arms(loop, said, sort, share), plan)

    @property
    def shares(self) -> dict[str, float]:
        """Each arm's share of the units, the control first."""
        return {arm.name: arm.share for arm in self.arms}

    @property
    def unit(self) -> str:
        """What the metric is counted in."""
        return self.draft.metric if self.sort == "feature" else self.loop.project.declaration.charter.worth.currency

    @property
    def is_measured(self) -> bool:
        """Whether anything tells how the metric scatters."""
        return self.said["sd"] is not None or (self.sort != "feature" and self._seen is not None)

    @cached_property
    def _seen(self) -> Before | None:
        """What the champion's decisions earned, unit by unit; None where too few outcomes have come."""
        measured = _champion(self.loop)
        always = self.loop.project.declaration.charter.outcome_seen == "always"
        tables, newest = Tables(self.loop.workspace.lake), NEWEST
        return measured_of(*before_it(tables, _versions(self.loop), measured, self.draft, always=always, newest=newest))

    def need(self) -> Need:
        """The units and days that it takes.

        Raises
        ------
        Mistake
            When nothing tells how the metric scatters.
        """
        seen = None if self.sort == "feature" else self._seen
        sd = self.said["sd"] if self.said["sd"] is not None else None if seen is None else seen.sd
        if sd is None:
            why = "a feature's metric" if self.sort == "feature" else "worth: no outcome has come"
            raise Mistake(f"nothing tells how {why} scatters", where="--sd", remedy="say the standard deviation of a unit's metric: --sd 12")
        before = replace(seen or Before(mean=0.0, sd=sd, per_day=0.0), sd=sd)
        if self.said["per_day"] is not None:
            before = replace(before, per_day=self.said["per_day"])
        return need(self.draft.effect, before, self.shares, confidence=self.draft.confidence, power=self.draft.power)

    def expected(self) -> dict[str, Estimated]:
        """What each variant of the policy would have added on what was served, by the arm's name; nothing for other experiments."""
        if self.sort != "policy":
            return {}
        always = self.loop.project.declaration.charter.outcome_seen == "always"
        measured = _champion(self.loop)
        logged = read(Tables(self.loop.workspace.lake), _versions(self.loop), measured, newest=NEWEST)
        return {
            arm.name: expected(measured, logged, arm.policy, always=always, confidence=self.draft.confidence) for arm in self.arms if arm.policy is not None
        }

    def plan(self, planned: Need | None, *, until: date | None, today: date) -> Plan:
        """The plan as it stands in the entry: the bounds are drawn for the units that are needed, and it has a last day.

        Raises
        ------
        Mistake
            When its last day has passed already.
        """
        last = last_day(today, None if planned is None else planned.days) if until is None else until
        if last < today:
            raise Mistake(f"it would end on {last}, before it begins", where="--until", remedy=f"say {today} or a later day")
        drawn = {} if planned is None else {"tightest": planned.tightest, "units": planned.units}
        return self.draft.model_copy(update={**drawn, "until": last})


def _plan(said: Mapping[str, Any], sort: Sort) -> Plan:
    metric = said["metric"]
    if sort != "feature" and metric not in (None, WORTH):
        raise Mistake("decisions are compared by their worth", where="--metric", remedy="leave --metric out, or name it as a --guard")
    covariate = said["covariate"] or {"policy": "expected", "package": "none", "feature": "prior"}[sort]
    if covariate == "expected" and sort != "policy":
        why = "two packages expect different things of the same row" if sort == "package" else "a feature's units have no score"
        raise Mistake(f"{why}: their expectation is no covariate", where="--covariate", remedy="say prior or none")
    for option in ("sd", "per_day"):
        if said[option] is not None and not isfinite(said[option]):
            raise Mistake(f"{said[option]} is no number to plan with", where=f"--{option.replace('_', '-')}", remedy="say a finite one, such as 12")
    fields = {name: said[name] for name in ("effect", "confidence", "power", "guards", "unmeasured")}
    try:
        plan = Plan.model_validate({**fields, "metric": metric or (OUTCOME if sort == "feature" else WORTH), "covariate": covariate})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "guards"
        if name in _NUMBERS:
            raise Mistake(f"{said[name]:g} is no {name}", where=f"--{name}", remedy=f"say {_NUMBERS[name]}") from None
        where = "--guard" if name == "guards" else f"--{name}"
        raise Mistake(str(first["msg"]).removeprefix("Value error, "), where=where, remedy="see: loopline value experiment plan --help") from None
    unknown = [guard.metric for guard in plan.guards if sort != "feature" and guard.metric not in BUILT_IN]
    if unknown:
        raise Mistake(f"nothing measures {unknown[0]!r}", where="--guard", remedy=f"guard one of: {', '.join(BUILT_IN)}")
    return plan


def _arms(loop: Loop, said: Mapping[str, Any], sort: Sort, share: float) -> tuple[Arm, ...]:
    if sort == "feature":
        return assignment.features([name.strip() for name in said["arms"].split(",")], share=share)
    measured = _champion(loop)
    if sort == "package":
        entry = named(loop.state(), said["package"])
        other = entry.body["facts"]["package"]
        if other == measured.package.digest:
            raise Mistake(f"{other[:8]} is the champion, with which it would be compared", where="--package", remedy="name another: loopline release history")
        if not entry.body["facts"]["passed"]:
            raise Mistake(f"{other[:8]} did not pass its gates", where="--package", remedy="see why: loopline release check")
        declared = loop.project.declaration
        if why := withdrawal(declared.release, declared.charter, loop.state(), other):
            raise Mistake(why, where="--package", remedy="name another: loopline release history")
        return assignment.packages(measured.package.digest, other, share=share / 2)
    logged = read(Tables(loop.workspace.lake), _versions(loop), measured, newest=NEWEST)
    promised = promise(measured.policy, logged.scores, logged.columns) if "threshold" in measured.policy else logged.scores
    return assignment.policies(said["variants"], measured.policy, promised, _pace(loop, logged.when), share=share)


def _pace(loop: Loop, when: Any) -> float | None:
    volume = loop.project.declaration.charter.volume
    if volume is not None:
        return volume.per_year
    days = (when.max() - when.min()).astype("timedelta64[s]").astype(float) / 86_400 if len(when) > 1 else 0.0
    return len(when) / days * 365.25 if days >= 1 else None


def _champion(loop: Loop) -> Measured:
    champion = loop.state().champion
    if champion is None:
        raise Mistake("no package decides yet, so that there is nothing to compare with", remedy="loopline run")
    package = load(Blobs(loop.workspace.lake), champion, Trust.of(loop.workspace.ledger))
    return Measured.of(package, loop.project.declaration.charter.worth)


def _versions(loop: Loop) -> Mapping[str, int]:
    versions: Mapping[str, int] = (loop.state().facts("serve", "collect") or {}).get("versions", {})
    return versions


def _share(text: str) -> float:
    try:
        share: float = TypeAdapter(Share).validate_python(text)
    except ValidationError:
        share = 0.0
    if not 0 < share <= 1:
        raise Mistake(f"{text!r} is no share of the units", where="--share", remedy="say such as 20%, up to 100%")
    return share
