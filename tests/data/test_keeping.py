"""How a contract was kept, rule by rule, without a look at rows."""

from __future__ import annotations

import pytest

from loopline.data.ingest import ingest_file
from loopline.data.keeping import rules_kept
from loopline.errors import CheckFailed
from loopline.loop import open_loop

DECLARED = """
project: kept
charter: {predict: bought, worth: {currency: EUR, act_right: 1, act_wrong: -1}}
data:
  sources:
    visits: {path: visits.csv, key: [id], time: at}
  contract:
    pages: {type: integer, min: 1, max: 8, severity: {min: warn}}
    id: {type: integer, required: true}
    unique: [[at, pages]]
    rules: [{check: "pages != 5", name: never five}]
    tests: [{name: some, sql: "select id from visits where pages = 7", severity: warn}]
    batch: {rows: 1..5, refused: 0.9, severity: stop}
"""
ROWS = "id,at,pages,bought\n1,2026-01-01,0,yes\n2,2026-01-02,9,no\n3,2026-01-03,5,yes\n3,2026-01-04,7,no\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    (folder / "loopline.yaml").write_text(DECLARED)
    (folder / "a.csv").write_text(ROWS)
    (folder / "b.csv").write_text("id,at,pages,bought\n" + "".join(f"{number},2026-02-{number},2,no\n" for number in range(10, 17)))
    with open_loop(folder) as loop:
        data = loop.project.declaration.data
        ingest_file(loop.workspace, data, folder / "a.csv")
        with pytest.raises(CheckFailed, match="7 rows"):
            ingest_file(loop.workspace, data, folder / "b.csv")
        return {(rule.where, rule.rule): rule for rule in rules_kept(loop.workspace, data, "visits")}


@pytest.mark.parametrize(
    ("where", "rule", "severity", "counts"),
    [
        ("data.contract.pages.min", "min", "warn", (1, 0, 0)),
        ("data.contract.pages.max", "max", "refuse", (1, 1, 0)),
        ("data.contract.pages.type", "type", "refuse", (0, 0, 0)),
        ("data.contract.rules.0", "rules", "refuse", (1, 1, 0)),
        ("data.sources.visits.key", "unique", "refuse", (0, 0, 0)),
        ("data.contract.unique", "unique", "refuse", (0, 0, 0)),
        ("data.sources.visits.time", "required", "refuse", (0, 0, 0)),
        ("data.contract.tests.0", "test", "warn", (1, 0, 0)),
        ("data.contract.batch.rows", "batch", "stop", (0, 0, 1)),
        ("data.contract.batch.refused", "batch", "stop", (0, 0, 0)),
    ],
)
def test_each_rule_says_how_many_rows_or_batches_broke_it(kept, where, rule, severity, counts):
    found = kept[where, rule]
    assert (found.severity, (found.broke, found.waits, found.stopped)) == (severity, counts)
    assert found.is_kept is (counts == (0, 0, 0)) and found.as_json()["kept"] is found.is_kept
