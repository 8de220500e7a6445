"""A dashboard of Grafana over the server's own metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loopline.ledger.entry import digest
from loopline.watch.exported.measured import Measured

_SCHEMA = 39
_WIDTH, _HEIGHT, _COLUMNS = 8, 8, 3
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture.

    Parameters
    ----------
    asks
        Legend and expression of each line.
    unit
        In Grafana's words.
    """

    title: str
    says: str
    asks: Sequence[tuple[str, str]]
    unit: str
    kind: str = "timeseries"


def panels(measured: Measured) -> list[Panel]:
    """What is drawn: what comes, how it is answered and how fast, which package decides, and what the process takes."""
    seconds = [(name, measured.seconds(quantile)) for name, quantile in (("half", 0.5), ("95 %", 0.95), ("99 %", 0.99))]
    return [
        Panel(title="Requests", says="Requests in a second, by endpoint.", asks=[("{{endpoint}}", measured.requests())], unit="reqps"),
        Panel(title="Answers", says="Requests in a second, by status.", asks=[("{{status}}", measured.statuses())], unit="reqps"),
        Panel(title="Time to an answer", says="So many of the predictions' requests are answered within.", asks=seconds, unit="s"),
        Panel(title="Predictions", says="Rows in a second that were answered.", asks=[("rows", measured.rows())], unit="ops"),
        Panel(title="Sent", says="Bytes of answers in a second.", asks=[("answers", measured.rate("loopline_sent_bytes_total"))], unit="Bps"),
        Panel(
            title="Failed, refused, malformed",
            says="Shares of requests, of rows, and of outcomes.",
            asks=[("requests failed", measured.failed()), ("rows refused", measured.refused()), ("outcomes malformed", measured.malformed())],
            unit="percentunit",
        ),
        Panel(title="The package that decides", says="It changes when a package is promoted.", asks=[("{{package}}", measured.package())], unit="none"),
        Panel(
            title="Outcomes and feedback",
            says="In a second.",
            asks=[("outcomes", measured.rate("loopline_outcomes_total")), ("feedback", measured.rate("loopline_feedback_total"))],
            unit="ops",
        ),
        Panel(
            title="Trouble",
            says="Times that the champion could not be looked up, and rows that a challenger was not shown.",
            asks=[("look-ups failed", measured.lost_sight()), ("rows not shown", measured.rate("loopline_unshown_rows_total"))],
            unit="none",
        ),
        Panel(title="Free disk", says="Of the disk that the prediction log is on.", asks=[("free", measured.free())], unit="percentunit"),
        Panel(
            title="Processors",
            says="How many processors each server keeps busy; told by a server with one worker.",
            asks=[("{{instance}}", f"rate({measured.metric('process_cpu_seconds_total')}[5m])")],
            unit="none",
        ),
        Panel(
            title="Memory",
            says="What each server holds; told by a server with one worker.",
            asks=[("{{instance}}", measured.metric("process_resident_memory_bytes"))],
            unit="bytes",
        ),
    ]


def dashboard(project: str, drawn: Sequence[Panel]) -> dict[str, Any]:
    """The dashboard as Grafana imports it; the source of the data is chosen there.

    References
    ----------
    https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
    """
    return {
        "uid": f"loopline-{digest(project)[:12]}",
        "title": f"Loopline: {project}",
        "tags": ["loopline", project],
        "schemaVersion": _SCHEMA,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [{"name": "datasource", "label": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(at, panel) for at, panel in enumerate(drawn)],
    }


def _panel(at: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(at, _COLUMNS)
    return {
        "id": at + 1,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for place, (legend, expression) in enumerate(panel.asks)
        ],
    }
