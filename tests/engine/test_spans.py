"""Which exporters OTEL_* asks for, and a word where there are none; the steps of a run against a real collector."""

from __future__ import annotations

import importlib.util
import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.engine import spans as spans_module
from loopline.engine.spans import exporters, opened
from tests.serve.collector import collecting

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
with_the_extra = pytest.mark.skipif(importlib.util.find_spec("opentelemetry") is None, reason="the extra otel is not installed")
NAMES = st.sampled_from(["otlp", "console", "none", "", " otlp "])


@pytest.mark.parametrize(
    ("env", "asked"),
    [
        ({}, ()),
        ({"OTEL_SERVICE_NAME": "shop"}, ()),
        ({"OTEL_TRACES_EXPORTER": ""}, ()),
        (ENDPOINT, ("otlp",)),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ("otlp",)),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ("console", "otlp")),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, ()),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, ()),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "1"}, ("otlp",)),
    ],
)
def test_the_environment_says_which_exporters(env: dict[str, str], asked: tuple[str, ...]) -> None:
    assert exporters(env) == asked


@given(names=st.lists(NAMES), endpoint=st.booleans())
def test_what_is_disabled_asks_for_nothing(names: list[str], endpoint: bool) -> None:
    env = {"OTEL_TRACES_EXPORTER": ",".join(names), **(ENDPOINT if endpoint else {})}
    assert exporters({**env, "OTEL_SDK_DISABLED": "true"}) == ()
    assert set(exporters(env)) <= {"otlp", "console"}


def test_an_exporter_that_is_not_known_is_left_out_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "loopline.traces"):
        assert opened("shop", {"OTEL_TRACES_EXPORTER": "pigeon"}) is None
    assert "no exporter 'pigeon'" in caplog.text


def test_without_the_extra_what_is_asked_for_is_not_made_with_a_word(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with caplog.at_level(logging.WARNING, "loopline.traces"):
        assert opened("shop", ENDPOINT) is None
    assert "pip install 'loopline[otel]'" in caplog.text


@with_the_extra
def test_a_collector_that_is_not_there_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans_module, "_END_S", 0.5)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", ENDPOINT["OTEL_EXPORTER_OTLP_ENDPOINT"])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    spans = opened("shop", ENDPOINT)
    assert spans is not None
    spans.serve("GET /", {}, {}).end()
    since = time.monotonic()
    spans.close()
    assert time.monotonic() - since < 5


@with_the_extra
def test_each_step_of_a_run_is_a_span_and_one_that_is_done_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.csv").write_text("id,a,y\n" + "".join(f"{i},{i % 7},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(200)))
    declared = {"project": "p", "charter": {"predict": "y"}, "data": {"sources": {"rows": {"path": "rows.csv", "key": ["id"]}}}}
    (tmp_path / "loopline.yaml").write_text(json.dumps(declared))
    command = [sys.executable, "-m", "loopline.cli.main", "run", "--until", "data", "--json", "--folder", str(tmp_path)]
    said = []
    for _ in range(2):
        with collecting() as collector:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        (whole,) = (span for span in collector.spans() if span.name == "loopline run")
        steps = collector.children(whole)
        assert len(steps) == len(collector.spans()) - 1
        said.append([(span.name, span.said["loopline.stage"], span.said["loopline.step"], span.said["loopline.cached"]) for span in steps])
    first, second = said
    assert ("data: ingest", "data", "ingest", False) in first and not any(cached for *_, cached in first)
    assert {name for name, *_ in second} == {name for name, *_ in first} and all(cached for *_, cached in second)
    assert len(second) == len({name for name, *_ in second})
