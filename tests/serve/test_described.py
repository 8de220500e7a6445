"""The server asked by its own description: whatever it allows and does not allow is answered or refused, and never fails."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from tests.serve.packages import make_package
from tests.serve.running import Served

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: nothing reads the description here")
requests = pytest.importorskip("requests", reason="schemathesis asks by requests")

# A full queue and a disk that fills up are answered with 503; neither happens here.
FAILURES = range(500, 600)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("served"))
    package = make_package(server.lake)
    server.promote(package)
    server.start().wait_for(package)
    yield server
    server.close()


def _asked(served, mode, examples):
    """Which operations were asked; each so many times."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{served.port}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    return {operation.label for operation in operations if _is_asked(operation, mode, examples)}


def _is_asked(operation, mode, examples):
    """Whether there was anything to ask: what takes neither body nor parameters cannot be asked wrongly."""

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        with requests.Session() as session:
            assert case.call(session=session).status_code not in FAILURES, case.as_curl_command()

    try:
        ask()
    except Unsatisfiable:
        return False
    return True


@pytest.mark.parametrize("kind", ["POSITIVE", "NEGATIVE"])
def test_nothing_that_it_describes_makes_it_fail(served, kind):
    mode = schemathesis.GenerationMode[kind]
    asked = _asked(served, mode, examples=5)
    assert {"POST /v1/predict", "POST /v1/outcomes", "POST /v1/feedback", "POST /invocations"} <= asked
    assert served.ask("GET", "/healthz")[0] == 200


@pytest.mark.torture
def test_nothing_that_it_describes_makes_it_fail_at_length(served):
    for mode in schemathesis.GenerationMode:
        _asked(served, mode, examples=200)
    assert served.ask("GET", "/readyz")[0] == 200
