"""What the value stage has judged of the charter, as its newest review hands it on; what it found is raised like a breach of the machinery. Light and pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopline.ledger.entry import Entry


@dataclass(frozen=True)
class Judged:
    """The breaches of the monitors of the business.

    Parameters
    ----------
    by
        Id of the entry that says so; None before the first review.
    breaches
        What each monitor found, by its name, as plain values; None where it could not judge.
    """

    by: str | None
    breaches: Mapping[str, Sequence[Mapping[str, Any]] | None]

    @classmethod
    def of(cls, review: Entry | None) -> Judged:
        """What a review's step judged."""
        return cls(None, {}) if review is None else cls(review.id, review.body["facts"].get("breaches", {}))

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Judged:
        """The inverse of `as_json`."""
        return cls(said["by"], said["breaches"])

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"by": self.by, "breaches": self.breaches}

    @property
    def names(self) -> list[str]:
        """What is in breach, by monitor and what it is about."""
        return sorted(f"{name}:{one['feature']}" for name, found in self.breaches.items() for one in found or ())

    def looks(self, before: str | None) -> dict[str, Sequence[Mapping[str, Any]] | None]:
        """What a look at it finds; one that saw the same judgement before learns nothing of what is fine.

        Parameters
        ----------
        before
            Id of the entry that the last look saw.
        """
        return {name: found if found or self.by != before else None for name, found in self.breaches.items()}
