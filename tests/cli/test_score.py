"""``loopline score``: what it prints, and one line where it cannot."""

from __future__ import annotations

import json

from tests.cli.deciding import DECLARATION, loopline, make_project, refused

CSV = "id,age,income,city\n1,30,1000,Bern\n2,old,1,Oslo\n"


def scored(folder, *words):
    process = loopline(folder, "score", folder / "in.csv", "-o", folder / "out.csv", *words)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def test_it_counts_rows_and_refusals(tmp_path):
    folder = tmp_path
    make_project(folder)
    (folder / "in.csv").write_text(CSV)
    said = json.loads(scored(folder, "--json"))
    assert said.pop("seconds") > 0
    beside = str(folder / "out.refused.csv")
    assert said == {"rows": 2, "refused": 1, "out": str(folder / "out.csv"), "refused_file": beside, "ignored": [], "resumed": 0}
    assert (folder / "out.csv").read_text().startswith("id,prediction_id,score,decision,package\n1,")
    assert "age" in (folder / "out.refused.csv").read_text()


def test_it_says_what_it_did_in_words(tmp_path):
    folder = tmp_path
    make_project(folder)
    (folder / "in.csv").write_text(CSV.replace("id,", "number,"))
    text = scored(folder)
    assert "2 rows, 1 scored, 1 refused" in text
    assert "were not read: number" in text
    assert "out.refused.csv" in text


def test_a_mistake_is_one_line(tmp_path):
    folder = tmp_path
    make_project(folder)
    assert "no such file" in refused(folder, "score", folder / "none.csv", "-o", folder / "out.csv")


def test_before_any_release_the_remedy_is_told(tmp_path):
    (tmp_path / "loopline.yaml").write_text(DECLARATION)
    (tmp_path / "in.csv").write_text(CSV)
    assert "loopline run" in refused(tmp_path, "score", tmp_path / "in.csv", "-o", tmp_path / "out.csv")
