"""``loopline data forget``, as a person calls it."""

import json

import pytest
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import Mistake
from loopline.loop import open_loop
from tests.kept import copied

DECLARED = """
project: shop
charter: {predict: bought}
data:
  sources:
    visits: {path: visits.csv, key: who}
"""


def taken_in(folder):
    (folder / "loopline.yaml").write_text(DECLARED)
    rows = "".join(f"p{number:03}@example.com,{number % 9},{'yes' if number % 3 else 'no'}\n" for number in range(60))
    (folder / "visits.csv").write_text(f"who,pages,bought\n{rows}")
    with open_loop(folder) as loop:
        loop.run(until="data")


@pytest.fixture
def shop(tmp_path, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOPLINE_USER", "dpo@example.com")
    return copied(tmp_path_factory, taken_in, tmp_path)


def data(*words):
    ended = CliRunner().invoke(command, list(words))
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_it_says_what_was_erased_and_looked_through(shop):
    rehearsed = data("forget", "visits", "--key", "p007@example.com", "--dry-run")
    assert "1 key would be forgotten: 1 row of visits" in rehearsed and "looked through" not in rehearsed
    (shop / "keys.csv").write_text("name,who\nx,p008@example.com\ny,p009@example.com\n")
    said = data("forget", "visits", "--key", "p007@example.com", "--keys-from", "keys.csv", "--why", "asked for on paper")
    assert "3 keys forgotten: 3 rows of visits" in said
    assert "none holds them" in said and "visits: 3 rows erased from 1 of 1 files" in said
    assert data("get", "visits", "--json")["rows"] == 57
    again = data("forget", "visits", "--key", "p007@example.com", "--why", "once more", "--json")
    assert (again["rows"], again["erased"]["visits"]["rows"], len(again["digests"])) == ({"visits": 0}, 0, 1)
    assert "rows forgotten" in data("history", "visits")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--key", "x"), "add --why TEXT"),
        (("--why", "w"), "say --key VALUE, or --keys-from FILE"),
        (("--why", "w", "--keys-from", "nowhere.csv"), "the keys cannot be read"),
        (("--why", "w", "--key", "x", "--column", "whom"), "did you mean 'who'"),
        (("--why", "w", "--key", "x", "--also", "visitz"), "there is no table 'visitz'"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(shop, words, what):
    with pytest.raises(Mistake, match=what):
        data("forget", "visits", *words)
