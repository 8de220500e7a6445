"""What stands out in a charter, and may not be what was meant: small named functions, each with its remark. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from loopline.charter.bounds import bounds
from loopline.charter.ranges import ranged
from loopline.charter.spec import CharterSpec
from loopline.charter.worth import Worth
from loopline.expression.language import parse

Remark = Callable[[CharterSpec, Worth], Iterator[str]]


def a_wrong_act_costs(charter: CharterSpec, worth: Worth) -> Iterator[str]:
    """Acting for nothing earns as much as resting, or more: a minus may be missing, or the amount."""
    wrong, rest = worth.terms.get("act_wrong"), worth.terms.get("rest")
    if not charter.worth.is_priced or not isinstance(wrong, float) or not isinstance(rest, float):
        return
    if charter.worth.act_wrong is None:
        yield "what acting for nothing costs is not said, and counts as nothing: say charter.worth.act_wrong, such as -60"
    elif wrong > max(rest, 0.0):
        yield f"acting for nothing earns {wrong:g}: is a minus missing in charter.worth.act_wrong?"


def missing_it_earns_nothing(charter: CharterSpec, worth: Worth) -> Iterator[str]:
    """What is missed earns money: a minus may be missing."""
    miss = worth.terms.get("miss")
    if isinstance(miss, float) and miss > 0:
        yield f"not acting where it happens earns {miss:g}: is a minus missing in charter.worth.miss?"


def the_model_beats_chance(charter: CharterSpec, worth: Worth) -> Iterator[str]:
    """The stated model is right less often than somebody who acts by chance."""
    happens, precision = charter.study.happens, charter.study.expects.precision
    if worth.task == "binary" and happens is not None and precision is not None and ranged(precision).high < ranged(happens).low:
        yield (
            f"a model that is right in {ranged(precision).high:.0%} of the cases that it acts on is worse than chance, "
            f"where it happens in {ranged(happens).low:.0%}: see charter.study.expects.precision and charter.study.happens"
        )


def criteria_can_be_met(charter: CharterSpec, worth: Worth) -> Iterator[str]:
    """A criterion asks for more than the model is expected to be at best."""
    for criterion in charter.acceptance:
        for bound in bounds(parse(criterion.check)) if criterion.check is not None else ():
            stated = getattr(charter.study.expects, bound.name, None)
            if stated is not None and bound.is_least and ranged(stated).high < bound.limit:
                most = f"the model is expected to reach {ranged(stated).high:g} at most"
                yield f"{criterion.id} asks for {criterion.check}, and {most}: see charter.study.expects"


REMARKS: tuple[Remark, ...] = (a_wrong_act_costs, missing_it_earns_nothing, the_model_beats_chance, criteria_can_be_met)


def remarks(charter: CharterSpec, worth: Worth) -> list[str]:
    """Whatever stands out."""
    return [said for remark in REMARKS for said in remark(charter, worth)]
