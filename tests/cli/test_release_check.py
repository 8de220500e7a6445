"""``loopline release check`` and ``waive``: the report for a customer, JUnit for tools, and the way of a waived package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from loopline.cli.release_check import as_junit, as_markdown
from loopline.errors import Mistake
from loopline.ledger.entry import Draft, Entry
from loopline.ledger.store import Ledger
from loopline.loop import open_loop
from tests.cli.test_release import Call, call, declare, folder, release, template, told

__all__ = ["call", "folder", "template"]

WAIVED = {"role": "devops", "by": "ann", "why": "a|b", "until": "2026-12-31", "entry": "1"}
GATES = [
    {"name": "contract", "passed": True, "asked": "few", "value": 0.1, "threshold": 0.2, "says": "8 < 9 rows\x00", "waived": None},
    {"name": "latency", "passed": False, "asked": "quick", "value": 9.0, "threshold": 5.0, "says": "slow", "waived": WAIVED},
    {"name": "memory", "passed": False, "asked": "small", "value": 9.0, "threshold": 5.0, "says": "large", "waived": None},
    {"name": "budget", "passed": True, "asked": "", "value": None, "threshold": None, "says": "not asked: no amount", "waived": None},
    {"name": "parity", "passed": True, "value": 0.1, "threshold": 1.0, "says": "from before", "waived": None},
]
CRITERIA = [
    {
        **{"id": "A1", "says": "Mostly taken", "check": "precision >= 0.2", "value": 0.3, "passed": True},
        "history": [{"package": "bb" * 32, "value": 0.25, "passed": True}, {"package": "aa" * 32, "value": 0.3, "passed": True}],
    }
]


@pytest.fixture
def entry(tmp_path: Path) -> Iterator[Entry]:
    with Ledger.open(f"sqlite:///{tmp_path}/one.db", "p") as ledger:
        yield ledger.append(Draft(kind="step"))[0]


def facts(gates: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"package": "aa" * 32, "passed": False, "gates": GATES if gates is None else gates}


def test_junit_has_a_case_for_each_gate_and_its_totals_are_true(entry: Entry) -> None:
    root = Xml.fromstring(as_junit("shop", entry, facts()))
    (suite,) = root
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {"contract": ["system-out"], "latency": ["skipped"], "memory": ["failure"], "budget": ["skipped"], "parity": ["system-out"]}
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped"), suite.get("errors")) == ("5", "1", "2", "0")
    # The attributes that the schema allows, and no others.
    assert set(root.attrib) <= {"name", "time", "tests", "failures", "disabled", "errors"}
    assert set(suite.attrib) <= {"name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id", "package"}
    skipped = suite.find("testcase[@name='latency']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "slow; waived by ann as devops until 2026-12-31: a|b"


def test_the_report_begins_with_the_business_owner_s_own_words(entry: Entry) -> None:
    text = as_markdown("shop", entry, facts(), CRITERIA)
    assert "**It may not be released.**" in text
    assert text.index("| Mostly taken (A1) | `precision >= 0.2` | passed | 0.3 | 0.25 (bbbbbbbb) |") < text.index("## Every gate")
    assert "| waived | latency | quick | slow; waived by ann as devops until 2026-12-31: a\\|b |" in text
    assert "| not asked | budget | - | no amount |" in text


def test_check_writes_both_files_and_says_where(call: Call, tmp_path: Path) -> None:
    junit, report = tmp_path / "out" / "gates.xml", tmp_path / "gates.md"
    data = told(call("check", "--junit", str(junit), "--markdown", str(report), "--json"))
    assert (data["junit"], data["markdown"]) == (str(junit), str(report))
    assert len(Xml.parse(junit).getroot()[0]) == len(data["gates"])
    assert "Mostly taken (A1)" in report.read_text()
    (one,) = data["criteria"]
    assert (one["says"], one["passed"], len(one["history"])) == ("Mostly taken", True, 1)


def test_a_waived_gate_lets_a_package_through_until_the_waiver_is_withdrawn(call: Call, folder: Path) -> None:
    declare(folder, "approvals: {", "latency_ms: 0.000001, waive: {latency: [devops]}, approvals: {")
    with open_loop(folder) as loop:
        assert loop.run(until="release").exit_code == 1
    assert "or let devops waive it: loopline release waive latency --as devops" in told(call("check", "--json", code=1))["next"]
    with pytest.raises(Mistake, match="business may not waive latency; devops may"):
        call("waive", "latency", "--as", "business", "--by", "ann", "--why", "w")
    with pytest.raises(Mistake, match="'tomorrow' is not a day"):
        call("waive", "latency", "--as", "devops", "--by", "ben", "--why", "w", "--until", "tomorrow")
    word = ("waive", "latency", "--as", "devops", "--by", "ben", "--why", "the clock is wrong")
    data = told(call(*word, "--json"))
    assert (data["gate"], data["by"], data["passed"], data["next"]) == ("latency", "ben", True, "loopline release approve --as business --why '...'")
    assert "waived by ben as devops: the clock is wrong" in call("check").stdout
    assert told(call("status", "--json"))["passed"]
    assert "latency blocks again" in call(*word, "--withdraw").stdout
    with open_loop(folder) as loop:
        assert loop.run(until="release").exit_code == 1
    call("check", code=1)
    call(*word, "--until", "2999-01-01")
    package = release(call, folder)
    assert package == data["package"]
    assert "latency, which ben (devops) waived" in call("history").stdout
    call(*word, "--withdraw")
    with open_loop(folder) as loop:
        status = loop.run(until="release")
    # What decides goes on; that its gate is open again is said.
    assert (status.champion, status.exit_code) == (package, 1)
