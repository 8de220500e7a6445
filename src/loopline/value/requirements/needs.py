"""What data a criterion needs to be told, and whether they are there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loopline.charter.metrics import parts
from loopline.charter.spec import CharterSpec, Criterion
from loopline.declaration import counted
from loopline.model.evaluate import SUPPORT
from loopline.value.criteria import SEEN_WHEN_ACTED

_RESTS_ON = {"precision": "it was acted on", "recall": "it happened"}


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The data that a check reads.

    Parameters
    ----------
    outcome
        The column that says what really happened.
    known
        When it is known, in words; empty where the charter does not say.
    of_all
        Whether outcomes must be seen whatever was decided; else those of what was acted on tell enough.
    columns
        Whose slices it speaks of.
    rows, there
        Decisions with a known outcome that it takes at least, and that are there since a package decides; None where nothing has been reviewed.
    says
        What it takes, in words.
    lacks
        Why it cannot be told, in words; empty where nothing is missing.
    """

    outcome: str
    known: str
    of_all: bool
    columns: tuple[str, ...]
    rows: int
    there: int | None
    says: str
    lacks: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def needs(criterion: Criterion, charter: CharterSpec, *, columns: frozenset[str] | None, outcomes: int | None) -> Needs | None:
    """What a criterion needs; None while it has no check.

    Parameters
    ----------
    columns
        Of the data; None before they have been read.
    outcomes
        How many outcomes of decisions are known; None before anything has been reviewed.
    """
    if criterion.check is None:
        return None
    named = [parts(name) for name in sorted(criterion.names)]
    metrics = sorted({metric for _, metric in named})
    slices = tuple(sorted({column for column, _ in named if column is not None}))
    of_all = any(metric not in SEEN_WHEN_ACTED for metric in metrics)
    known = "" if charter.outcome_known is None else str(charter.outcome_known)
    return Needs(
        outcome=charter.predict,
        known=known,
        of_all=of_all,
        columns=slices,
        rows=SUPPORT,
        there=outcomes,
        says=_says(charter, metrics, slices, known, of_all),
        lacks=tuple(_lacks(charter, metrics, slices, columns, outcomes)),
    )


def _says(charter: CharterSpec, metrics: Sequence[str], slices: Sequence[str], known: str, of_all: bool) -> str:
    rests = list(dict.fromkeys(words for metric in metrics if (words := _RESTS_ON.get(metric)) is not None))
    where = f" in which {' or '.join(rests)}" if rests else ""
    each = f", for each {' and each '.join(f'“{column}”' for column in slices)}" if slices else ""
    seen = ", whatever was decided" if of_all else ""
    return f"at least {SUPPORT} cases{where}{each}, with what really happened (“{charter.predict}”{f', known {known}' if known else ''}{seen})"


def _lacks(charter: CharterSpec, metrics: Sequence[str], slices: Sequence[str], columns: frozenset[str] | None, outcomes: int | None) -> Iterator[str]:
    for column in slices:
        if columns is not None and column not in columns:
            yield f"the data have no column “{column}”"
    hidden = [metric for metric in metrics if metric not in SEEN_WHEN_ACTED] if charter.outcome_seen == "when_acted" else []
    if hidden:
        yield f"once it is in use, outcomes are seen only where somebody acted, which does not tell the {hidden[0]}: only the past tells it, before a release"
    if outcomes is not None and outcomes < SUPPORT:
        yield f"{counted(outcomes, 'outcome is', 'outcomes are')} known since it is in use"
