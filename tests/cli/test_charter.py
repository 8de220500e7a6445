"""``loopline charter``: the study shown, and a no-go overridden by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loopline.cli.charter import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.release.conftest import table

NO_GO = """
project: shop
charter:
  problem: Visitors leave.
  predict: y
  worth: {currency: EUR, act_right: -1, act_wrong: -6}
  stakeholders: {business: [ann]}
data: {sources: {t: {path: t.csv}}}
"""

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table("binary", rows=60).write_csv(tmp_path / "t.csv")
    (tmp_path / "loopline.yaml").write_text(NO_GO)
    return tmp_path


@pytest.fixture
def call(folder: Path) -> Call:
    def called(*words: str) -> dict[str, Any]:
        result = CliRunner().invoke(command, [*words, "--folder", str(folder), "--json"])
        if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
            raise result.exception
        said: dict[str, Any] = json.loads(result.stdout)
        return said

    return called


def run(folder: Path) -> int:
    with open_loop(folder) as loop:
        return loop.run(until="charter").exit_code


def test_before_the_study_there_is_nothing_to_show(call: Call) -> None:
    with pytest.raises(Mistake, match="has not been studied yet; loopline run --until charter"):
        call("show")


def test_a_no_go_stops_the_loop_until_a_named_person_overrides_it(call: Call, folder: Path) -> None:
    assert run(folder) == 1
    shown = call("show")
    assert shown["study"]["verdict"] == "no-go"
    assert shown["next"] == "loopline charter override --by NAME --why REASON"
    said = call("override", "--by", "ann", "--why", "we learn from it")
    assert (said["by"], said["why"], said["next"]) == ("ann", "we learn from it", "loopline run")
    assert run(folder) == 0
    until = str(datetime.now(UTC).date() + timedelta(days=90))
    assert said["until"] == until
    assert call("show")["override"] == {"by": "ann", "why": "we learn from it", "until": until, "holds": True, "entry": said["entry"]}


def test_an_override_binds_to_the_charter_that_was_studied(call: Call, folder: Path) -> None:
    run(folder)
    call("override", "--by", "ann", "--why", "we learn from it")
    (folder / "loopline.yaml").write_text(NO_GO.replace("act_right: -1", "act_right: -2"))
    assert call("show")["is_stale"]
    with pytest.raises(Mistake, match="has changed since it was studied; study it first: loopline run --until charter"):
        call("override", "--by", "ann", "--why", "again")
    assert run(folder) == 1
    assert call("show")["override"] is None


def test_without_a_no_go_there_is_nothing_to_override(call: Call, folder: Path) -> None:
    (folder / "loopline.yaml").write_text(NO_GO.replace("act_right: -1", "act_right: 5"))
    assert run(folder) == 0
    with pytest.raises(Mistake, match="so there is nothing to override"):
        call("override", "--by", "ann", "--why", "because")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--until", "soon"), "'soon' is not a day; write it as 2026-01-31"),
        (("--until", "2020-01-31"), "2020-01-31 has passed; name a day from"),
        (("--until", "9999-01-31"), "9999-01-31 is more than a year away; name a day until"),
        (("--until", "2026-01-31", "--budget"), "ends with the month; leave --until out"),
    ],
)
def test_the_end_of_an_override_is_a_day_within_a_year(call: Call, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(Mistake, match=why):
        call("override", "--by", "ann", "--why", "because", *words)


@pytest.mark.parametrize("why", ["", "  "])
def test_an_override_needs_a_reason(call: Call, folder: Path, why: str) -> None:
    run(folder)
    with pytest.raises(Mistake, match="the reason is empty"):
        call("override", "--by", "ann", "--why", why)


def test_as_text_the_study_ends_with_the_next_command(folder: Path) -> None:
    run(folder)
    shown = CliRunner().invoke(command, ["show", "--folder", str(folder)]).stdout
    assert "problem     Visitors leave." in shown
    assert "study       no-go: acting can never pay" in shown
    assert shown.endswith("next: loopline charter override --by NAME --why REASON\n")
