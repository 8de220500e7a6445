"""``loopline watch``: the windows, as a table and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.cli.watch import command
from loopline.declaration import figure
from loopline.errors import Mistake
from tests.cli.watched import DECLARATION, caller, released, told, watched


def test_the_windows_are_shown_with_their_breaches_and_what_was_expected_as_table_json_and_picture(tmp_path: Path) -> None:
    call = caller(command, watched(tmp_path))
    result = told(call("show", "--json"))
    assert (result["rows"], result["outcomes"], result["currency"], len(result["windows"])) == (840, 840, "EUR", 7)
    assert result["next"] == "loopline alerts list"
    assert result["alerts"]["open"] > 0
    text = call("show", "--last", "2").output
    assert "drift:size" in text and "2026-03-08 00:00" in text and "2026-03-04 00:00" not in text
    assert "the newest 2 of 7 windows" in text
    worth = result["windows"][-1]["estimated"]["worth"]
    assert f"{figure(worth['per_decision'])} ({figure(worth['low'])} to {figure(worth['high'])})" in text
    assert "expected, in the newest window, by the scores' own probabilities" in text
    for name in ("worth.svg", "worth.html"):
        call("show", "--output", str(tmp_path / name))
        assert "expected" in (tmp_path / name).read_text()
    with pytest.raises(Mistake, match="no form of a picture"):
        call("show", "--output", str(tmp_path / "worth.pdf"))


def test_before_anything_is_served_it_says_so(tmp_path: Path) -> None:
    call = caller(command, released(tmp_path))
    assert "nothing served yet" in call("show").output
    assert told(call("show", "--json"))["next"] == "loopline serve"
    with pytest.raises(Mistake, match="nothing was expected of any window"):
        call("show", "--output", str(tmp_path / "worth.svg"))


def test_before_the_first_run_it_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    with pytest.raises(Mistake, match="nothing has been watched yet"):
        caller(command, tmp_path)("show")
