"""What the gates judge a package by, and what a gate finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopline.charter.prices import Prices
from loopline.model.blocks import Blocks
from loopline.release.advisories import Advisory
from loopline.release.spec import ReleaseSpec

Money = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What making a package took, and what is known of prices and budgets; None where nothing is.

    Parameters
    ----------
    search_s, step_s
        Seconds of the search, and of the whole step in which it lies.
    book
        What machines cost.
    decisions_per_year
        How often the package is asked.
    build
        Money that may be spent on making it.
    run_per_year
        Money that may be spent on running it.
    """

    search_s: float | None = None
    step_s: float | None = None
    book: Prices = Prices()
    decisions_per_year: float | None = None
    build: float | None = None
    run_per_year: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the gates judge a package by.

    Parameters
    ----------
    package, rival
        Digests of the package and of the champion it would replace; `rival` is None where there is no other champion.
    limits
        The release's declared limits.
    currency
        What money is counted in.
    read, refused
        Rows of data that were read, and those of them that were refused.
    tests
        From each test of the data that only warns to the rows that it found, and among how many; those that found none are left out.
    earned, unaided, rival_earned
        Money of each decision on the package's test part, shape (n,): its own, those taken without a model, the rival's.
    blocks
        Which of those rows belong together, shape (n,): an interval resamples them whole.
    rival_note
        Why the rival cannot score the test part, or what it had to do without there.
    metrics
        The test part's numbers by the names that criteria use; None where one is not defined.
    slices
        From ``worst_slice(...)`` names to the slice that is meant.
    latency_ms
        Time of each single-row prediction in milliseconds, shape (m,).
    memory_mb
        Peak memory of a process that serves the package, in MB of 1,000,000 bytes.
    parity
        From a comparison's name to the largest difference that it found, as a share of what is allowed; None where nothing was compared.
    evaluation, bill
        The package's ``evaluation.json`` and ``bom.json``; empty where it has none.
    signed_by
        The name of the trusted person whose signature was verified.
    advisories
        Known vulnerabilities; None where no file of them is declared.
    spent
        What making it took, and the prices.
    """

    package: str
    limits: ReleaseSpec
    currency: str
    read: int
    refused: int
    tests: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    earned: Money
    unaided: Money
    blocks: Blocks
    rival: str | None = None
    rival_earned: Money | None = None
    rival_note: str = ""
    metrics: Mapping[str, float | None]
    slices: Mapping[str, str] = field(default_factory=dict)
    latency_ms: NDArray[np.float64]
    memory_mb: float
    parity: Mapping[str, float | None]
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    bill: Mapping[str, Any] = field(default_factory=dict)
    signed_by: str = ""
    advisories: tuple[Advisory, ...] | None = None
    spent: Spent = Spent()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a gate found.

    Parameters
    ----------
    asked
        What the package was held to, in plain words; empty where nothing was asked.
    value, threshold
        The number that was judged and the limit it was held to; None where it is not one number, or not defined.
    says
        The finding in one line.
    """

    name: str
    passed: bool
    asked: str = ""
    value: float | None = None
    threshold: float | None = None
    says: str


def not_asked(name: str, why: str, *, value: float | None = None) -> Verdict:
    """A gate's verdict where nothing was declared to hold the package to: it passes, and says so."""
    return Verdict(name=name, passed=True, value=value, says=f"not asked: {why}")


def unknown(name: str, asked: str, why: str) -> Verdict:
    """A gate's verdict where something was asked, and nothing is there to tell: it does not pass."""
    return Verdict(name=name, passed=False, asked=asked, says=f"it cannot be told: {why}")
