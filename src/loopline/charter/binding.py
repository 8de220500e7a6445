"""What an override binds to: all that the study reads of the charter and of its price book, as far as it is said beyond the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopline.charter.prices import Prices
from loopline.charter.spec import CharterSpec, StudySpec
from loopline.charter.statement import statement
from loopline.ledger.entry import digest

READS = ("predict", "positive", "task", "volume", "worth", "target", "budget", "study")
_ONCE = READS[:-1]
"""What it read before there was anything to suppose."""


def read(spec: CharterSpec) -> dict[str, Any]:
    """What the study reads of the charter: its fields, and the ranges that they are the middles of."""
    ranges = {name: list(value.ends) for name, value in spec.ranges.items()}
    return {**spec.fields(*READS), **({"ranges": ranges} if ranges else {})}


def of_reads(reads: Mapping[str, Any]) -> CharterSpec:
    """The charter as far as the study reads it; the inverse of `read`."""
    return CharterSpec.model_validate({name: value for name, value in reads.items() if name != "ranges"}).ranging(reads.get("ranges") or {})


def binds(reads: Mapping[str, Any], book: Prices | None) -> str:
    """What an override of a study binds to, by what that reads: a field that a later Loopline adds ends none."""
    return digest(statement(of_reads(reads), book))


def bound_once(spec: CharterSpec) -> str | None:
    """What an override bound to before charters had anything to suppose, and their prices counted; None where this charter could not be said then."""
    return None if spec.ranges or spec.study != StudySpec() else digest(spec.fields(*_ONCE))
