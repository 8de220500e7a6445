"""Alerting rules of Prometheus over the server's own metrics, with the limits that the project declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from loopline.declaration import Rate
from loopline.watch.exported.measured import Measured

_DAY_S = 86_400
_YEAR_DAYS = 365.25
ROWS_EXPECTED = 30
"""So many rows must be usual in a day for a day without any to mean something."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One alerting rule.

    Parameters
    ----------
    lasting
        How long it must hold, as Prometheus writes it.
    """

    name: str
    expression: str
    lasting: str
    severity: Literal["critical", "warning", "info"]
    says: str
    do: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a project declares of its service.

    Parameters
    ----------
    latency_ms
        What the gate asks of the slowest hundredth of single rows.
    refused_share
        The share of refused rows that is borne.
    volume
        Decisions per period, as chartered; None where nothing is said.
    """

    latency_ms: float
    refused_share: float
    volume: Rate | None


def rules(measured: Measured, limits: Limits) -> Iterator[Rule]:
    """The rules: no answers, errors, slowness, refusals, a full disk, a champion that changes or is not there."""
    yield Rule(
        name="LooplineGone",
        expression=f"absent({measured.metric('loopline_rows_total')})",
        lasting="5m",
        severity="critical",
        says="No server tells how it is.",
        do="Is it running? Start it with: loopline serve",
    )
    yield Rule(
        name="LooplineFails",
        expression=f"{measured.failed()} > 0.01",
        lasting="5m",
        severity="critical",
        says="{{ $value | humanizePercentage }} of the requests are not answered.",
        do="The server's log says why; loopline release rollback brings the earlier package back.",
    )
    yield Rule(
        name="LooplineOverloaded",
        expression=f"{measured.shed()} > 0.05",
        lasting="10m",
        severity="warning",
        says="{{ $value | humanizePercentage }} of the requests are refused because too many come.",
        do="Add workers (serve.workers) or replicas, or raise serve.limits.queue.",
    )
    yield Rule(
        name="LooplineSlow",
        expression=f"{measured.seconds(0.5)} > {limits.latency_ms / 1000:g}",
        lasting="15m",
        severity="warning",
        says=f"Half of the requests take longer than {{{{ $value | humanizeDuration }}}}; release.latency_ms is {limits.latency_ms:g}.",
        do="More rows in a request, less of the machine, or a heavier package: loopline release history",
    )
    yield Rule(
        name="LooplineRefusesRows",
        expression=f"{measured.refused()} > {limits.refused_share:g}",
        lasting="15m",
        severity="warning",
        says=f"{{{{ $value | humanizePercentage }}}} of the rows are refused, {limits.refused_share:.0%} are allowed.",
        do="What callers send is not what the package takes: the refusals in the log say why.",
    )
    if limits.volume is not None and limits.volume.per_year / _YEAR_DAYS >= ROWS_EXPECTED:
        yield Rule(
            name="LooplineIsNotAsked",
            expression=f"sum(increase({measured.metric('loopline_rows_total')}[1d])) == 0",
            lasting="1h",
            severity="critical",
            says=f"Nothing was asked for a day; {limits.volume} are chartered.",
            do="Do the callers still call, and is it this server that they call?",
        )
    yield from _rules_of_the_machine(measured)
    yield from _rules_of_the_package(measured)


def _rules_of_the_machine(measured: Measured) -> Iterator[Rule]:
    yield Rule(
        name="LooplineDiskIsFull",
        expression=f"{measured.free()} < 0.03",
        lasting="5m",
        severity="critical",
        says="{{ $value | humanizePercentage }} of the disk is left where the prediction log is; without room nothing is answered.",
        do="loopline run takes the log into the lake; loopline gc frees what nothing needs.",
    )
    yield Rule(
        name="LooplineDiskFills",
        expression=f"{measured.free_in(3 * _DAY_S)} < 0",
        lasting="1h",
        severity="warning",
        says="The disk of the prediction log is full within three days.",
        do="loopline run takes the log into the lake; loopline gc frees what nothing needs.",
    )


def _rules_of_the_package(measured: Measured) -> Iterator[Rule]:
    yield Rule(
        name="LooplineHasNoPackage",
        expression=measured.decides_none(),
        lasting="10m",
        severity="critical",
        says="The server answers, and no package decides.",
        do="loopline status says what it waits for.",
    )
    yield Rule(
        name="LooplineChampionChanged",
        expression=measured.came_to_decide("15m"),
        lasting="0m",
        severity="info",
        says="Package {{ $labels.package }} decides now.",
        do="loopline release history says why, and who approved it.",
    )
    yield Rule(
        name="LooplineLostTheLedger",
        expression=f"{measured.lost_sight()} > 3",
        lasting="15m",
        severity="warning",
        says="A server cannot look the champion up; it goes on with the package that it has.",
        do="Is the ledger's database there? GET /readyz says what is wrong.",
    )
    yield Rule(
        name="LooplineOutcomesMalformed",
        expression=f"{measured.malformed()} > 0.1",
        lasting="30m",
        severity="warning",
        says="{{ $value | humanizePercentage }} of the outcomes are malformed: what the model earns is not seen.",
        do="The answers of POST /v1/outcomes say what is wrong with each.",
    )


def rule_file(project: str, made: Iterator[Rule]) -> dict[str, Any]:
    """The rules as a file of Prometheus has them.

    References
    ----------
    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    listed = [
        {
            "alert": rule.name,
            "expr": rule.expression,
            "for": rule.lasting,
            "labels": {"severity": rule.severity, "project": project},
            "annotations": {"summary": f"{project}: {rule.says}", "description": rule.do},
        }
        for rule in made
    ]
    return {"groups": [{"name": f"loopline {project}", "rules": listed}]}
