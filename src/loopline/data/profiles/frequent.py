"""The frequent values of a column of texts, from a bounded number of counters that merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COUNTERS = 512
TEXT_MAX = 200
"""A text of more characters is counted under its first ones."""


@dataclass(frozen=True)
class Frequent:
    """Texts with how often they came at least, and how much more it may be at most.

    A value that makes up more than 2 in `COUNTERS` of all is always among them, in whatever parts and order they came; how far the counts of
    these very values may be off is said, and is mostly far less.

    Parameters
    ----------
    counts
        At most `COUNTERS` texts, the most frequent first, equal ones by name.
    missed
        How often a text may have come beyond its count, or beyond nought where it is not there; 0 while every count is exact.

    References
    ----------
    J. Misra, D. Gries, "Finding repeated elements", Science of Computer Programming 2, 1982.
    P. K. Agarwal, G. Cormode, Z. Huang, J. M. Phillips, Z. Wei, K. Yi, "Mergeable summaries", PODS 2012.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    missed: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int], *, missed: int = 0) -> Frequent:
        """The summary of counted texts.

        Parameters
        ----------
        missed
            How often any text came at most that was not counted.
        """
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        less = ranked[COUNTERS][1] if len(ranked) > COUNTERS else 0
        return cls({text: count - less for text, count in ranked[:COUNTERS] if count > less}, missed + less)

    def to_json(self) -> dict[str, Any]:
        """Plain values, to read."""
        return {"missed": self.missed, "counts": dict(self.counts)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Frequent:
        """The summary that `to_json` wrote; JSON written in another order is put in ours."""
        return cls.of(plain["counts"], missed=plain["missed"])


def together(summaries: Sequence[Frequent]) -> Frequent:
    """One summary of all that the summaries have counted."""
    counts: Counter[str] = Counter()
    for summary in summaries:
        counts.update(summary.counts)
    return Frequent.of(counts, missed=sum(summary.missed for summary in summaries))
