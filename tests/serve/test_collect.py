"""Collecting: each record once, whatever is killed, and outcomes sorted by how they fit the predictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopline.engine.local import LocalEngine
from loopline.engine.step import Silence, Step
from loopline.lake.place import Lake
from loopline.lake.tables import Tables
from loopline.ledger.entry import now
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.serve import collect
from loopline.serve.log import Log
from loopline.serve.segments import listing
from loopline.serve.spec import ServeSpec
from loopline.serve.stage import steps
from loopline.workspace import Ask, Job, Workspace


class Bench:
    """A workspace in a folder, and the stage driven as the loop drives it."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(str(folder / "lake"))
        self.tables = Tables(self.lake)
        self.log = Log(self.lake.log, server="aa")
        self.workspace = Workspace(Ledger.open(f"sqlite:///{folder}/ledger.db", "p"), self.lake, LocalEngine(1))
        self.folder = folder

    def step(self) -> Step:
        told = steps(ServeSpec(), Ask(project="p", folder=self.folder, state=State(), facts={}), log_folder=self.lake.log)
        asked = next(told)
        assert isinstance(asked, Step)
        return asked

    def collect(self, step: Step | None = None):
        job = Job(project="p", folder=self.folder, step=step or self.step(), attempt="", workspace=self.workspace, progress=Silence())
        return self.workspace.engine.run(job.step.function, job)

    def predict(self, *ids: str) -> None:
        self.write("predictions", [prediction(id) for id in ids])

    def tell(self, *outcomes: tuple[str, str], time: str = "2024-05-02T00:00:00Z") -> None:
        self.write("outcomes", [{"id": id, "outcome": value, "time": time} for id, value in outcomes])

    def write(self, kind, records) -> None:
        self.log.append(kind, b"".join(json.dumps(record).encode() + b"\n" for record in records)).result(timeout=5)

    def ids(self, kind: str = "predictions") -> list[str]:
        return sorted(self.tables.read(kind).collect()["prediction_id"].to_list())


def prediction(id: str, **more):
    base = {"id": id, "time": "2024-05-01T10:00:00.000001Z", "event_time": "2024-05-01T00:00:00Z", "package": "f00d", "key": {"k": 1}}
    return base | {"row": {"k": 1, "x": 0.5}, "score": 0.25, "scores": None, "decision": "rest"} | more


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.log.close()
    made.workspace.ledger.close()


def test_nothing_served_is_zeros_and_says_so(bench):
    facts = bench.collect()
    assert facts["says"] == "nothing served yet"
    assert facts["predictions"] == {"rows": 0, "version": None}
    assert facts["outcomes"] == dict.fromkeys(("received", "matched", "early", "repeated", "contradictory", "malformed"), 0)
    assert facts["versions"] == {}


def test_predictions_become_a_table_with_their_row_as_json(bench):
    bench.write("predictions", [prediction("20240501-f00d-a", scores={"x": 0.75, "y": 0.25}, decision="x"), prediction("20240501-f00d-b", decision=2.0)])
    bench.collect()
    first, second = bench.tables.read("predictions").sort("prediction_id").collect().to_dicts()
    assert json.loads(first["row"]) == {"k": 1, "x": 0.5}
    assert json.loads(first["key"]) == {"k": 1}
    assert json.loads(first["scores"]) == {"x": 0.75, "y": 0.25}
    assert second["scores"] is None
    assert (first["decision"], second["decision"]) == ("x", "2")
    assert first["time"].isoformat() == "2024-05-01T10:00:00.000001+00:00"
    assert first["day"].isoformat() == "2024-05-01"


def test_outcomes_are_matched_early_repeated_contradictory_or_malformed(bench):
    bench.predict("20240501-f-a", "20240501-f-b", "20240501-f-c")
    bench.tell(("20240501-f-a", "yes"), ("20240501-f-b", "no"), ("20240501-f-b", "no"), ("20240501-f-zz", "yes"))
    bench.tell(("20240501-f-a", "no"), time="2024-05-03T00:00:00Z")
    refusal = {"time": "2024-05-01T00:00:00Z", "package": "", "reasons": ["why"], "raw": "{}"}
    bench.write("refused", [refusal | {"kind": "outcome"}, refusal | {"kind": "row"}, refusal | {"kind": "row"}])
    facts = bench.collect()
    assert facts["outcomes"] == {"received": 5, "matched": 2, "early": 1, "repeated": 2, "contradictory": 1, "malformed": 1}
    assert facts["refused"] == 2
    assert facts["predictions"]["rows"] == 3
    said = "1 for predictions not known (yet), 2 repeated, 1 malformed, 1 contradicted (the latest word holds), 2 rows refused"
    assert facts["says"] == f"3 predictions, 2 outcomes matched, {said}"
    latest = dict(collect.latest(bench.tables.read("outcomes")).select("prediction_id", "outcome").collect().iter_rows())
    assert latest == {"20240501-f-a": "no", "20240501-f-b": "no", "20240501-f-zz": "yes"}


def test_an_early_outcome_is_matched_once_its_prediction_comes(bench):
    bench.tell(("20240501-f-a", "yes"))
    assert bench.collect()["outcomes"] | {"early": 1, "matched": 0} == bench.collect()["outcomes"]
    bench.predict("20240501-f-a")
    facts = bench.collect()
    assert (facts["outcomes"]["matched"], facts["outcomes"]["early"]) == (1, 0)
    assert facts["says"] == "1 prediction, 1 outcome matched"


def test_collecting_again_adds_nothing(bench):
    bench.predict("20240501-f-a")
    bench.tell(("20240501-f-a", "yes"))
    step = bench.step()
    assert bench.collect(step) == bench.collect(step)
    assert bench.ids() == ["20240501-f-a"]


def test_only_new_bytes_are_read_and_only_touched_days_counted(bench, monkeypatch):
    bench.predict("20240501-f-a")
    bench.tell(("20240501-f-a", "yes"))
    bench.collect()
    bench.predict("20240601-f-b")
    bench.tell(("20240601-f-b", "no"))
    read, counted = [], []
    slices, recount = collect.slices, collect.recount
    monkeypatch.setattr(collect, "slices", lambda segment, after: (read.append((segment.kind, after, segment.size_bytes)), slices(segment, after=after))[1])
    monkeypatch.setattr(collect, "recount", lambda tables, state, days: (counted.append(days), recount(tables, state, days))[1])
    facts = bench.collect()
    assert facts["outcomes"]["matched"] == 2
    assert all(after > 0 for kind, after, _ in read if kind != "refused")
    assert [sorted(map(str, days)) for days in counted] == [["2024-06-01"]]


@pytest.mark.parametrize("fails_at", ["predictions", "outcomes", "refused", "cache"])
def test_killed_between_any_two_commits_the_next_run_ends_in_the_same_state(bench, monkeypatch, fails_at):
    bench.predict("20240501-f-a", "20240501-f-b")
    bench.tell(("20240501-f-a", "yes"), ("20240501-f-c", "yes"))
    bench.write("refused", [{"time": "2024-05-01T00:00:00Z", "kind": "row", "package": "", "reasons": ["why"], "raw": "{}"}])
    commit = collect._commit

    class Killed(BaseException):
        pass

    def dying(tables, state, kind, frame, part):
        commit(tables, state, kind, frame, part)
        if kind == fails_at:
            raise Killed

    def dying_write(state, file):
        raise Killed

    step = bench.step()
    with monkeypatch.context() as patch:
        patch.setattr(collect, "_commit", dying)
        if fails_at == "cache":
            patch.setattr(collect.Collected, "write", dying_write)
        with pytest.raises(Killed):
            bench.collect(step)
    facts = bench.collect(step)
    assert bench.ids() == ["20240501-f-a", "20240501-f-b"]
    assert facts["outcomes"] == {"received": 2, "matched": 1, "early": 1, "repeated": 0, "contradictory": 0, "malformed": 0}
    assert facts["refused"] == 1
    assert bench.collect(step) == facts


def test_a_torn_last_line_is_left_and_its_writer_is_never_followed(bench):
    bench.predict("20240501-f-a")
    (segment,) = listing(bench.lake.log, "predictions")
    with segment.path.open("ab") as file:
        file.write(b'{"id": "20240501-f-torn", "ti')
    assert bench.collect()["predictions"]["rows"] == 1
    assert bench.ids() == ["20240501-f-a"]


def test_a_line_that_a_disk_damaged_is_kept_with_the_reason(bench):
    bench.predict("20240501-f-a")
    (segment,) = listing(bench.lake.log, "predictions")
    with segment.path.open("ab") as file:
        file.write(b"\x00\x00\xff\n")
    bench.predict("20240501-f-b")
    facts = bench.collect()
    assert bench.ids() == ["20240501-f-a", "20240501-f-b"]
    (kept,) = bench.tables.read("refused").collect().to_dicts()
    assert kept["kind"] == "line"
    assert segment.name in kept["reasons"]
    assert facts["refused"] == 0


def test_a_restored_table_is_counted_anew(bench):
    bench.predict("20240501-f-a", "20240501-f-b")
    bench.tell(("20240501-f-a", "yes"))
    bench.collect()
    bench.tell(("20240501-f-b", "yes"))
    assert bench.collect()["outcomes"]["matched"] == 2
    bench.tables.delete("outcomes", "prediction_id = '20240501-f-b'")
    assert bench.collect()["outcomes"]["matched"] == 1


def test_a_correction_holds_against_what_was_told_while_a_clock_was_far_ahead(bench):
    bench.predict("20240501-f-a", "20240501-f-b")
    bench.tell(("20240501-f-a", "no"), ("20240501-f-b", "no"), time="2999-01-01T00:00:00Z")
    bench.tell(("20240501-f-b", "yes"), time="2999-01-01T00:00:01Z")
    bench.collect()
    bench.tell(("20240501-f-a", "yes"), time=now().isoformat())
    bench.collect()
    held = collect.latest(bench.tables.read("outcomes")).collect()
    assert held["outcome"].to_list() == ["yes", "yes"]


def test_an_outcome_for_an_id_that_is_none_waits_on_the_day_that_it_came(bench):
    bench.tell(("what is this", "yes"))
    assert bench.collect()["outcomes"]["early"] == 1
    assert bench.tables.read("outcomes").collect()["day"].to_list()[0].isoformat() == "2024-05-02"


def test_the_step_is_asked_for_anew_only_when_a_segment_grew(bench):
    bench.predict("20240501-f-a")
    before = bench.step().key
    assert bench.step().key == before
    bench.predict("20240501-f-b")
    assert bench.step().key != before


def test_of_the_refusals_the_good_lines_and_the_broken_ones_are_both_kept(bench):
    refusal = {"time": "2024-05-01T00:00:00Z", "kind": "row", "package": "", "reasons": ["why"], "raw": "{}"}
    bench.write("refused", [refusal, refusal])
    damage(bench, "refused")
    facts = bench.collect()
    assert sorted(bench.tables.read("refused").collect()["kind"].to_list()) == ["line", "row", "row"]
    assert facts["refused"] == 2
    assert bench.collect() == facts


def test_broken_lines_do_not_pass_for_a_refusal_s_own_segment(bench):
    bench.predict("20240501-f-a")
    segment = damage(bench, "predictions")
    bench.collect()
    assert bench.tables.batch_version("refused", segment.name) is None
    assert bench.tables.batch_version("refused", f"{segment.name}:broken") == segment.stat().st_size


def damage(bench, kind):
    """The one segment of a kind, in which a line is none."""
    (segment,) = listing(bench.lake.log, kind)
    with segment.path.open("ab") as file:
        file.write(b"\x00\xff\n")
    return segment.path


def test_a_line_of_somebody_who_was_forgotten_is_passed_over(bench):
    bench.predict("20240501-f-a", "20240501-f-b")
    (segment,) = listing(bench.lake.log, "predictions")
    first = segment.path.read_bytes().index(b"\n")
    with segment.path.open("r+b") as file:
        file.write(b" " * first)
    facts = bench.collect()
    assert (bench.ids(), facts["refused"], bench.tables.exists("refused")) == (["20240501-f-b"], 0, bench.tables.exists("refused"))
    assert not bench.tables.exists("refused") or bench.tables.read("refused").collect().is_empty()
