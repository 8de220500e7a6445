import json

import pytest
from click.testing import CliRunner

from loopline.cli.data import command
from loopline.errors import Mistake
from loopline.loop import open_loop

DECLARED = """
project: shop
charter:
  predict: bought
  worth: {currency: EUR, act_right: basket, act_wrong: -1}
  stakeholders: {data: [eng@example.com], business: [owner@example.com]}
data:
  sources:
    visits: {path: visits.csv, key: id, time: at}
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loopline.yaml").write_text(DECLARED)
    rows = "".join(f"{number},2024-{number // 28 % 12 + 1:02}-{number % 28 + 1:02},{number % 7},{'yes' if number % 3 else 'no'}\n" for number in range(300))
    (tmp_path / "visits.csv").write_text("id,at,pages,bought\n" + rows)
    return tmp_path


def ready(*words):
    ended = CliRunner().invoke(command, ["ready", *words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended.exit_code, ended.stdout


def test_gaps_are_named_with_who_could_close_them(shop):
    with pytest.raises(Mistake, match="loopline run --until data"):
        ready()
    (shop / "loopline.yaml").write_text(DECLARED.replace("basket", "4"))
    with open_loop(shop) as loop:
        loop.run(until="data")
    code, text = ready()
    assert code == 0
    assert "visits, 300 rows: ready, with" in text
    assert "who: data (eng@example.com); next: loopline data ingest FILE" in text
    (shop / "loopline.yaml").write_text(DECLARED)
    code, text = ready("--json")
    told = json.loads(text)
    assert (code, told["ready"], told["rows"]) == (1, False, 300)
    (gap,) = [one for one in told["findings"] if one["level"] == "must" and one["state"] == "gap"]
    assert (gap["rule"], gap["role"], gap["people"], gap["want"]) == ("worth", "data", ["eng@example.com"], "basket")
    assert told["next"] == gap["next"]
    assert "not ready: 1 gap must be closed" in ready()[1]
