"""The gates: named checks that a package must pass before release, each a pure function of the evidence.

``beats_baseline`` and ``beats_champion`` pass when the point estimate of the difference is above 0; the interval is shown
beside it, as evidence, and decides nothing. A rule that asked the whole interval to be above 0 would keep the worse of two
models whenever the test part is small: between two choices the expected worth is highest for the one with the higher mean,
however uncertain, and how much uncertainty is borne is for the people who approve, who see the interval. Below
`ROWS_NEEDED` rows a mean says nothing, and nothing passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from loopline.charter.spec import Criterion
from loopline.declaration import figure
from loopline.model.evaluate import interval
from loopline.release.acceptance import verdict_on
from loopline.release.evidence import Evidence, Money, Verdict
from loopline.release.quality import calibration, data_tests, fairness, worst_slice
from loopline.release.spending import budget, where_to_run
from loopline.release.supply import licences, signature, vulnerabilities

ROWS_NEEDED = 30
_UNSEEN = 1e-6


Gate = Callable[[Evidence], Verdict]


def gates(criteria: Sequence[Criterion]) -> tuple[Gate, ...]:
    """Every gate in the order in which they are shown, with one for each acceptance criterion."""
    return (
        contract,
        data_tests,
        beats_baseline,
        *(acceptance(criterion) for criterion in criteria),
        worst_slice,
        fairness,
        calibration,
        latency,
        memory,
        parity,
        signature,
        licences,
        vulnerabilities,
        budget,
        where_to_run,
        beats_champion,
    )


def judge(evidence: Evidence, criteria: Sequence[Criterion]) -> tuple[Verdict, ...]:
    """The verdict of every gate that applies: ``beats_champion`` only where there is another champion."""
    chosen = (gate for gate in gates(criteria) if gate is not beats_champion or evidence.rival is not None)
    return tuple(gate(evidence) for gate in chosen)


def contract(evidence: Evidence) -> Verdict:
    """Passes when the contract refused no greater share of the rows than is declared."""
    limit = evidence.limits.refused_share
    share = evidence.refused / evidence.read if evidence.read else None
    says = f"{evidence.refused:,} of {evidence.read:,} rows refused; at most {limit:.4g} of them may be"
    asked = f"at most {limit:.4g} of the rows are refused"
    return Verdict(name="contract", passed=share is not None and share <= limit, asked=asked, value=share, threshold=limit, says=says)


def beats_baseline(evidence: Evidence) -> Verdict:
    """Passes when the package earns more per decision than is earned without a model."""
    return _earns_more("beats_baseline", evidence, evidence.unaided, "than without a model")


def beats_champion(evidence: Evidence) -> Verdict:
    """Passes when the package earns more per decision than the champion on the same rows; a champion that cannot score them is beaten."""
    rival = (evidence.rival or "")[:8]
    if evidence.rival_earned is None:
        says = f"champion {rival} cannot score this data ({evidence.rival_note}): it gives way to a package that can"
        return Verdict(name="beats_champion", passed=True, asked=f"it earns more than champion {rival}", threshold=0.0, says=says)
    return _earns_more(
        "beats_champion", evidence, evidence.rival_earned, f"than champion {rival}" + (f", though {evidence.rival_note}" if evidence.rival_note else "")
    )


def _earns_more(name: str, evidence: Evidence, other: Money, than: str) -> Verdict:
    difference, asked = evidence.earned - other, f"it earns more {than}"
    rows = len(difference)
    if rows < ROWS_NEEDED:
        says = f"{rows} rows are too few to tell what {evidence.package[:8]} earns; at least {ROWS_NEEDED} are needed"
        return Verdict(name=name, passed=False, asked=asked, value=float(difference.mean()) if rows else None, threshold=0.0, says=says)
    mean = float(difference.mean())
    low, high = interval(difference, evidence.blocks, seed=0)
    amount = f"{figure(abs(mean))} {evidence.currency} {'less' if mean < 0 else 'more'}"
    says = f"{evidence.package[:8]} earned {amount} per decision {than} (95 % interval {figure(low)} to {figure(high)}, {rows:,} rows)"
    if mean > 0 >= low:
        says += ": it may be chance, so look at it again once outcomes have come"
    return Verdict(name=name, passed=mean > 0, asked=asked, value=mean, threshold=0.0, says=says)


def acceptance(criterion: Criterion) -> Gate:
    """A gate that passes when a criterion's check holds for the test part's metrics; a metric that is not defined fails it. Without a check it asks nothing."""

    def accepted(evidence: Evidence) -> Verdict:
        return verdict_on(criterion, evidence.metrics, evidence.slices)

    return accepted


def slow_ms(latency_ms: Sequence[float] | NDArray[np.float64]) -> float:
    """The time in milliseconds that 99 of 100 predictions take at most."""
    return float(np.quantile(latency_ms, 0.99))


def latency(evidence: Evidence) -> Verdict:
    """Passes when 99 of 100 single rows are scored within the declared time."""
    limit = evidence.limits.latency_ms
    middle, slow = np.median(evidence.latency_ms), slow_ms(evidence.latency_ms)
    says = f"a single row takes {middle:.3g} ms, and 99 of 100 take at most {slow:.3g} ms; at most {limit:g} ms are allowed"
    asked = f"99 of 100 single rows take at most {limit:g} ms"
    return Verdict(name="latency", passed=slow <= limit, asked=asked, value=slow, threshold=limit, says=says)


def memory(evidence: Evidence) -> Verdict:
    """Passes when a process that scores with the package stays within the declared memory."""
    limit = evidence.limits.memory_mb
    says = f"a process that scores takes {evidence.memory_mb:,.0f} MB; at most {figure(limit)} MB are allowed"
    asked = f"a process that scores takes at most {figure(limit)} MB"
    return Verdict(name="memory", passed=evidence.memory_mb <= limit, asked=asked, value=evidence.memory_mb, threshold=limit, says=says)


def _share(share: float | None) -> str:
    if share is None:
        return "nothing was compared"
    return "none" if share == 0 else "under a millionth" if share < _UNSEEN else figure(share)


def parity(evidence: Evidence) -> Verdict:
    """Passes when the package gives what the model gave: each difference is within what is allowed."""
    found = [share for share in evidence.parity.values() if share is not None]
    shown = ", ".join(f"{name}: {_share(share)}" for name, share in evidence.parity.items())
    passed = bool(found) and len(found) == len(evidence.parity) and max(found) <= 1
    says = f"largest differences, as shares of what is allowed: {shown}"
    return Verdict(name="parity", passed=passed, asked="the package gives what the model gave", value=max(found, default=None), threshold=1.0, says=says)
