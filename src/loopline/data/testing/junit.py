"""Reports as JUnit XML, which the tools that run tests for a team read; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as Xml

from loopline.data.testing.cases import Verdict
from loopline.data.testing.testing import Report

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(project: str, reports: Sequence[Report]) -> str:
    """The XML of a run: a suite for each table, a case for each rule.

    A rule that refuses or stops is a failure; one that warns passes and says so in the case's output; one that could not be looked at is
    skipped, or an error where the rule itself is wrong.

    References
    ----------
    The schema that Jenkins' JUnit and xUnit plugins publish (`junit-10.xsd`).
    """
    root = Xml.Element("testsuites", {"name": _text(f"{project} data"), **_totals(reports)})
    for report in reports:
        suite = Xml.SubElement(root, "testsuite", {"name": _text(report.table), **_totals([report]), "skipped": str(report.count("skipped"))})
        suite.set("timestamp", _moment(report.began))
        properties = Xml.SubElement(suite, "properties")
        for name, value in (("origin", report.origin), ("rows", report.read), ("tested", report.tested), ("warnings", report.count("warn"))):
            Xml.SubElement(properties, "property", {"name": name, "value": _text(str(value))})
        for verdict in report.verdicts:
            _case(suite, f"{project}.{report.table}", verdict)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _totals(reports: Sequence[Report]) -> dict[str, str]:
    return {
        "tests": str(sum(len(report.verdicts) for report in reports)),
        "failures": str(sum(report.count("fail") for report in reports)),
        "errors": str(sum(report.count("error") for report in reports)),
        "time": f"{sum(report.seconds for report in reports):.3f}",
    }


def _case(suite: Xml.Element, name: str, verdict: Verdict) -> None:
    case = Xml.SubElement(suite, "testcase", {"classname": _text(name), "name": _text(verdict.name), "time": "0"})
    message = _text(summary(verdict))
    if verdict.outcome == "skipped":
        Xml.SubElement(case, "skipped", {"message": message})
    elif verdict.outcome in ("fail", "error"):
        failure = Xml.SubElement(case, "failure" if verdict.outcome == "fail" else "error", {"type": verdict.kind, "message": message})
        failure.text = _text("\n".join([message, *sample_lines(verdict)]))
    elif verdict.outcome == "warn":
        Xml.SubElement(case, "system-out").text = _text("\n".join([f"warning: {message}", *sample_lines(verdict)]))


def summary(verdict: Verdict) -> str:
    """What became of a case, in a few words."""
    counted = ""
    if verdict.broken and verdict.kind == "test":
        counted = "the query found " + ("1 row" if verdict.broken == 1 else f"{verdict.broken:,} rows")
    elif verdict.broken:
        counted = f"{verdict.broken:,} of {verdict.rows:,} {_things(verdict.kind)}"
    return "; ".join(part for part in (counted, verdict.why) if part)


def _things(kind: str) -> str:
    return {"readable": "records cannot be read", "rows": "files", "shift": "columns", "fresh": "rows"}.get(kind, "rows break it")


def sample_lines(verdict: Verdict) -> list[str]:
    """One line for each sample: where it is, and its cells."""
    return [_sample(sample["file"], sample["line"], sample["values"]) for sample in verdict.samples]


def _sample(file: str | None, line: int | None, values: dict[str, str | None]) -> str:
    place = ", ".join(part for part in (file or "", f"line {line}" if line is not None else "") if part)
    cells = ", ".join(f"{name}: {'(missing)' if value is None else repr(value)}" if name else repr(value) for name, value in values.items())
    return f"{place}: {cells}" if place and cells else place or cells


def _moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S")


def _text(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
