"""Traces against a real collector: each request is a span with what took its time, under the caller's, and nothing of a row is in it."""

from __future__ import annotations

import http.client
import json

import pytest

from tests.cli.deciding import loopline, make_project
from tests.serve.collector import collecting
from tests.serve.packages import ROW

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "Samarkand"
SERVER = 2


def ask(url, method, path, body=None, **headers):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """What a collector was told of the requests that a server answered, and the package."""
    folder = tmp_path_factory.mktemp("traced")
    package = make_project(folder)
    with collecting() as collector, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("NO_PROXY", "127.0.0.1")
        process = loopline(folder, "serve", "--port", 0, "--json")
        url = json.loads(process.stdout.readline())["url"]
        rows = json.dumps({"rows": [ROW, ROW]})
        assert ask(url, "POST", "/v1/predict", rows, traceparent=f"00-{TRACE}-{CALLER}-01") == 200
        assert ask(url, "POST", "/v1/predict", rows, traceparent=f"00-{TRACE[::-1]}-{CALLER}-00") == 200
        assert ask(url, "POST", "/v1/predict?reasons=1", rows) == 200
        assert ask(url, "POST", "/invocations", f"age,income,city\n30,7,{SECRET}\n", Content_Type="text/csv") == 200
        assert ask(url, "POST", "/v1/predict", json.dumps({"rows": [ROW, {**ROW, "age": SECRET}]})) == 422
        assert ask(url, "POST", "/v2/models/p/infer", "{") == 400
        assert ask(url, "GET", f"/v2/models/{SECRET}") == 404
        assert ask(url, "PROPFIND", "/nowhere") == 404
        process.terminate()
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")
        yield collector, package


def one(collector, **said):
    (found,) = (span for span in collector.spans() if span.kind == SERVER and said.items() <= {**span.said, "name": span.name, "trace": span.trace}.items())
    return found


def test_a_request_is_a_span_under_its_callers(traced):
    collector, package = traced
    span = one(collector, trace=TRACE)
    assert (span.name, span.parent, span.failed, span.service) == ("POST /v1/predict", CALLER, False, "p")
    wanted = {"http.request.method": "POST", "http.route": "/v1/predict", "http.response.status_code": 200, "url.path": "/v1/predict", "url.scheme": "http"}
    wanted |= {"loopline.package": package, "loopline.rows": 2, "loopline.protocol": "loopline"}
    assert wanted.items() <= span.said.items()
    assert collector.paths == {"/v1/traces"}


def test_scoring_and_the_wait_for_the_log_are_spans_within_it(traced):
    collector, package = traced
    for span in (one(collector, trace=TRACE), one(collector, **{"name": "POST /invocations", "loopline.package": package})):
        score, log = collector.children(span)
        assert (score.name, log.name) == ("score", "log")
        assert span.since_ns <= score.since_ns <= score.until_ns <= log.since_ns <= log.until_ns <= span.until_ns


def test_a_request_whose_caller_is_not_traced_is_not_traced_either(traced):
    collector, _ = traced
    assert TRACE[::-1] not in {span.trace for span in collector.spans()}


def test_a_refused_request_says_why(traced):
    collector, _ = traced
    assert one(collector, **{"http.response.status_code": 422}).said["loopline.refused"] == "1 rows are not as the package wants them"
    assert one(collector, **{"http.response.status_code": 400}).said["loopline.refused"] == "not as it is wanted: body"
    assert "no such path" in one(collector, name="HTTP").said["loopline.refused"]
    assert not any(span.failed for span in collector.spans())


def test_a_method_or_a_path_that_is_not_known_makes_no_name_of_a_span(traced):
    collector, _ = traced
    span = one(collector, name="HTTP")
    assert span.said["http.request.method"] == "_OTHER" and "http.route" not in span.said


def test_a_protocol_has_its_name(traced):
    collector, _ = traced
    assert one(collector, name="POST /v2/models/{name}/infer").said["loopline.protocol"] == "open-inference"
    assert one(collector, name="POST /invocations").said["loopline.protocol"] == "mlflow"


def test_nothing_of_a_row_is_told(traced):
    collector, _ = traced
    told = [span for span in collector.spans() if span.said.get("http.route") != "/v2/models/{name}"]
    assert len(told) >= 6 and SECRET not in repr(told)


def test_a_value_that_cannot_be_used_is_a_mistake_in_one_line(tmp_path, monkeypatch):
    make_project(tmp_path)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.setenv("OTEL_PROPAGATORS", "pigeon")
    process = loopline(tmp_path, "serve", "--port", 0)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2 and len(err.splitlines()) == 1
    assert "OTEL_*" in err and "pigeon" in err
