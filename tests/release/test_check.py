"""The gates on real packages: made by the model stage, scored by their own graphs, measured in a process of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from loopline.charter.spec import Criterion
from loopline.engine.step import Facts
from loopline.errors import Fault, Mistake
from loopline.lake.blobs import Blobs
from loopline.ledger.entry import canonical
from loopline.model.evaluate import Judged
from loopline.model.package import load, pack, store, written
from loopline.model.predictor import Predictor
from loopline.model.signing import Trust
from loopline.release import check
from loopline.release.acceptance import asked_for
from loopline.release.check import require_known
from loopline.release.measure import Measured
from loopline.release.rejudged import Bench
from loopline.release.rejudged import verdicts as rejudged
from loopline.release.spec import ReleaseSpec
from tests.release.conftest import Room
from tests.signing import vouch

Rooms = Callable[[str], Room]


def verdicts(facts: Facts) -> dict[str, dict[str, Any]]:
    return {gate["name"]: gate for gate in facts["gates"]}


@pytest.mark.parametrize(
    ("task", "check"),
    [
        ("binary", "precision >= 0.5 and worst_slice(kind).recall > 0.1 and worth_per_decision > 0"),
        ("multiclass", "accuracy > 0.4 and worst_slice(kind).accuracy > 0.2"),
        ("regression", "r2 > 0.5 and worst_slice(kind).mae < 2"),
    ],
)
def test_a_good_package_passes_every_gate(room: Rooms, task: str, check: str) -> None:
    here = room(task)
    charter = here.charter(acceptance=[{"id": "A1", "says": "It is good", "check": check}])
    model = here.made("linear", charter=charter)
    facts = here.checked(model, charter=charter)
    found = verdicts(facts)
    assert facts["passed"], facts["says"]
    assert [name for name, gate in found.items() if gate["asked"]] == [
        *("contract", "beats_baseline", "acceptance A1", "latency", "memory", "parity", "signature", "licences"),
    ]
    assert facts["package"] == model["package"]
    assert facts["against"] is None
    # What the gate found is what the search had found on the same rows.
    assert found["beats_baseline"]["value"] == pytest.approx(model["worth"]["per_decision"] - model["worth"]["baseline"], rel=1e-9)
    assert found["contract"]["value"] == 0.1
    assert 0 < found["latency"]["value"] < 20
    assert 20 < found["memory"]["value"] < 1000
    assert 0 <= found["parity"]["value"] < 1
    canonical(facts)
    # A replay under the same charter comes to the same verdicts.
    blobs, trust = Blobs(here.workspace.lake), Trust.of(here.workspace.ledger)
    predictor = Predictor.load(blobs, facts["package"], trust)
    bench = Bench.of(predictor, blobs.get(model["evidence"]), (charter,), limits=ReleaseSpec(), recorded=facts, has_rule=False)
    again = {name: asdict(verdict) for name, verdict in rejudged(bench, charter, is_trained=True).items()}
    assert again == {name: found[name] for name in ("beats_baseline", "acceptance A1")}


def test_a_package_that_knows_nothing_does_not_beat_the_baseline(room: Rooms) -> None:
    here = room("binary")
    facts = here.checked(here.made("baseline"))
    assert [name for name, gate in verdicts(facts).items() if not gate["passed"]] == ["beats_baseline"]
    assert not facts["passed"]


def test_limits_and_criteria_that_are_not_met_are_named(room: Rooms) -> None:
    here = room("binary")
    charter = here.charter(acceptance=[{"id": "A1", "says": "Nearly always right", "check": "precision >= 0.999"}])
    facts = here.checked(here.made("linear"), charter=charter, data={"quarantined": 900}, latency_ms=1e-6, memory_mb=1)
    assert [name for name, gate in verdicts(facts).items() if not gate["passed"]] == ["contract", "acceptance A1", "latency", "memory"]
    assert "Nearly always right: precision is 0." in verdicts(facts)["acceptance A1"]["says"]


def test_champion_and_challenger_are_compared_on_the_challengers_test_rows(room: Rooms) -> None:
    here = room("binary")
    weak, strong = here.made("baseline"), here.made("linear")
    here.crown(weak["package"])
    better = verdicts(here.checked(strong))["beats_champion"]
    assert better["passed"]
    assert better["value"] == pytest.approx(strong["worth"]["per_decision"] - weak["worth"]["per_decision"], rel=1e-9)
    here.crown(strong["package"])
    third = here.made("linear", leave_out=["size"])
    facts = here.checked(third)
    worse = verdicts(facts)["beats_champion"]
    assert facts["against"] == strong["package"]
    assert "though it had to do without size" in worse["says"]


def test_a_champion_of_another_outcome_gives_way(room: Rooms) -> None:
    here = room("binary")
    model = here.made("linear")
    blobs = Blobs(here.workspace.lake)
    package = load(blobs, model["package"], Trust.of(here.workspace.ledger))
    said = {name: value for name, value in package.manifest.items() if name not in ("format", "files")}
    other = store(blobs, pack({**said, "target": "kind"}, package.contents))
    vouch(here.workspace.ledger, blobs, other)
    here.crown(other)
    verdict = verdicts(here.checked(model))["beats_champion"]
    assert verdict["passed"]
    assert "its target is 'kind', and now it is 'y'" in verdict["says"]


def test_a_criterion_with_an_unknown_word_is_refused_with_the_nearest(room: Rooms) -> None:
    here = room("binary")
    model = here.made("linear")
    with pytest.raises(Mistake, match=r"charter.acceptance A1: 'worst_slice\(knid\).* names the column 'knid', .* did you mean 'kind'"):
        here.checked(model, charter=here.charter(acceptance=[{"id": "A1", "check": "worst_slice(knid).precision > 0.5"}]))


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("rmse < 1", "names the binary metric 'rmse'"),
        ("worst_slice(knid).recall > 0", "names the column 'knid', which is not there; did you mean 'kind'"),
        ("worst_slice(kind).recal > 0", "did you mean 'recall'"),
        ("kind.recall > 0", "names the binary metric 'kind.recall'"),
    ],
)
def test_each_part_of_a_name_is_checked(check: str, says: str) -> None:
    with pytest.raises(Mistake, match=says):
        require_known(Criterion(id="A1", check=check), "binary", ["kind", "size"])


def test_the_worst_slice_is_named_beside_its_metric() -> None:
    kind = np.array(["a"] * 40 + ["b"] * 40, dtype=object)
    outcome = np.array([True] * 40 + [True, False] * 20)
    judged = Judged("binary", ("no", "yes"), outcome, np.ones(80, dtype=bool), np.ones(80), np.ones(80), {"kind": kind})
    found = asked_for(judged, frozenset({"worst_slice(kind).precision", "precision", "worth_per_decision"}))
    assert found["metrics"] == {"worst_slice(kind).precision": 0.5, "precision": 0.75, "worth_per_decision": 1.0}
    assert found["slices"] == {"worst_slice(kind).precision": "kind b"}


def test_a_package_that_was_changed_after_it_was_made_is_not_judged(room: Rooms) -> None:
    here = room("binary")
    model = here.made("linear")
    manifest = here.workspace.lake.folder / "blobs" / model["package"][:2] / model["package"]
    manifest.write_bytes(manifest.read_bytes().replace(b"linear", b"Linear"))
    with pytest.raises(Fault, match="changed after"):
        here.checked(model)


def test_a_package_whose_recorded_numbers_are_not_its_own_fails_parity(room: Rooms) -> None:
    here = room("binary")
    model = here.made("linear")
    blobs = Blobs(here.workspace.lake)
    package = load(blobs, model["package"], Trust.of(here.workspace.ledger))
    recorded = package.parsed("metrics.json")
    recorded["test"]["roc_auc"] += 0.001
    said = {name: value for name, value in package.manifest.items() if name not in ("format", "files")}
    forged = store(blobs, pack(said, {**package.contents, "metrics.json": written(recorded)}))
    with pytest.raises(Fault, match="it is not signed: nobody says that it is theirs; if it is yours: loopline model sign"):
        here.checked({**model, "package": forged})
    vouch(here.workspace.ledger, blobs, forged)
    facts = here.checked({**model, "package": forged})
    assert [name for name, gate in verdicts(facts).items() if not gate["passed"]] == ["parity"]
    assert verdicts(facts)["parity"]["value"] == pytest.approx(1000, rel=0.01)


def test_the_same_package_gets_the_same_verdicts_twice_but_for_what_the_clock_says(room: Rooms) -> None:
    here = room("regression")
    model = here.made("linear")
    one, two = (verdicts(here.checked(model)) for _ in range(2))
    for name in ("contract", "beats_baseline", "parity"):
        assert one[name] == two[name]


def test_a_busy_moment_fails_no_package_but_a_slow_package_fails_twice(room: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    here = room("binary")
    model = here.made("linear")
    busy, calm = Measured((900.0,) * 100, 80.0), Measured((2.0,) * 100, 80.0)

    def found(*measured: Measured, **limits: float) -> tuple[bool, float, int]:
        left = list(measured)
        monkeypatch.setattr(check, "measure", lambda *given: left.pop(0))
        gate = verdicts(here.checked(model, **limits))["latency"]
        return gate["passed"], gate["value"], len(left)

    assert found(busy, calm) == (True, 2.0, 0)
    assert found(calm, busy) == (True, 2.0, 1)
    assert found(busy, busy) == (False, 900.0, 0)
    assert found(calm, busy, latency_ms=1) == (False, 2.0, 0)
    waiting = Measured((2.0,) * 90 + (50.0,) * 10, 80.0)
    assert found(*[waiting] * 4, calm) == (True, 2.0, 0)
    assert found(*[waiting] * 6) == (False, 50.0, 1)


def test_every_gate_that_is_asked_judges_what_the_package_itself_tells(room: Rooms) -> None:
    here = room("binary")
    (here.folder / "prices.yaml").write_text("machine: 0.10 per hour\ncloud: 0.25 per hour\n")
    affected = {"package": {"ecosystem": "PyPI", "name": "numpy"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}
    (here.folder / "osv.json").write_text(json.dumps([{"id": "OSV-1", "affected": [affected]}]))
    charter = here.charter(prices="prices.yaml", volume="1000 per day", budget={"build": 5, "run": "500 per month"})
    asked = {
        "data_tests": 0.05,
        "worst_slice": {"worth": -100},
        "fairness": {"kind": {"act_share": {"ratio": 0.99}}},
        "calibration": 0.2,
        "signature": ["nobody@example.com"],
        "vulnerabilities": {"advisories": "osv.json"},
    }
    model = here.made("linear", charter=charter, fairness=["kind"])
    found = verdicts(here.checked(model, charter=charter, data={"warnings": {"odd sizes": 30}}, gates=asked))
    assert all(gate["asked"] for gate in found.values())
    assert [name for name, gate in found.items() if not gate["passed"]] == ["fairness", "signature", "vulnerabilities"]
    assert found["data_tests"]["value"] == 0.03
    assert found["fairness"]["threshold"] == 0.99
    assert found["budget"]["threshold"] == 5
    assert "is cheaper by" in found["where_to_run"]["says"]


def test_a_bound_on_an_unknown_measure_or_a_file_that_is_not_there_is_a_mistake(room: Rooms) -> None:
    here = room("binary")
    model = here.made("linear")
    with pytest.raises(Mistake, match=r"release.gates.fairness.kind: there is no binary measure 'recal' of groups; did you mean 'recall'"):
        here.checked(model, gates={"fairness": {"kind": {"recal": {"ratio": 0.8}}}})
    with pytest.raises(Mistake, match=r"release.gates.vulnerabilities.advisories: osv.json: the file cannot be read"):
        here.checked(model, gates={"vulnerabilities": {"advisories": "osv.json"}})
