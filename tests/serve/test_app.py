"""The server over real HTTP: every request is answered or refused with a reason, and what is answered is in the log."""

from __future__ import annotations

import json
import re
import resource
import signal
import threading
import time
from http.client import HTTPException

import pytest
from openapi_spec_validator import validate

from loopline.serve.segments import records
from tests.serve.packages import ROW, make_package
from tests.serve.running import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = Served(tmp_path_factory.mktemp("served"), rows=50, body_mb=0.1, reason_rows=30)
    package = make_package(made.lake)
    made.promote(package)
    made.start().wait_for(package)
    yield made
    made.close()


@pytest.fixture
def fresh(tmp_path):
    made = Served(tmp_path)
    yield made
    made.close()


def logged(served, kind="predictions"):
    return [json.loads(line) for part in records(served.lake.log, kind) for line in part.lines]


def test_a_row_is_answered_with_id_score_and_decision_and_is_in_the_log(served):
    status, said = served.ask("POST", "/v1/predict", {"rows": [ROW | {"id": 7, "at": "2024-04-01T08:00:00Z"}]})
    assert status == 200
    (answer,) = said["predictions"]
    assert set(answer) == {"id", "score", "decision"}
    (record,) = [record for record in logged(served) if record["id"] == answer["id"]]
    assert record["row"] == ROW | {"id": 7, "at": "2024-04-01T08:00:00Z"}
    assert (record["key"], record["event_time"], record["package"]) == ({"id": 7}, "2024-04-01T08:00:00Z", said["package"])
    assert (record["score"], record["decision"]) == (answer["score"], answer["decision"])


@pytest.mark.parametrize("count", [1, 2, 100])
def test_a_row_is_answered_with_as_many_reasons_as_are_asked_for(served, count):
    status, said = served.ask("POST", f"/v1/predict?reasons={count}", {"rows": [ROW | {"age": 55, "city": "Oslo"}, ROW]})
    assert status == 200
    first, second = said["predictions"]
    assert len(first["reasons"]) == min(count, 3)
    assert set(first["reasons"][0]) - {"unit"} == {"column", "value", "effect", "says"}
    efforts = [abs(reason["effect"]) for reason in first["reasons"]]
    assert efforts == sorted(efforts, reverse=True)
    if count == 100:
        for one in (first, second):
            assert one["base"] + sum(reason["effect"] for reason in one["reasons"]) == pytest.approx(one["score"], abs=1e-9)
        said_of = {reason["column"]: reason for reason in first["reasons"]}
        assert said_of["age"]["says"].startswith("age is 55 (typically 40): ")
        assert said_of["income"]["unit"] == "EUR"
    (record,) = [record for record in logged(served) if record["id"] == first["id"]]
    assert "reasons" not in record


@pytest.mark.parametrize(("query", "status", "what"), [("reasons=few", 400, "'few' is no number"), ("reasons=-1", 400, "'-1'"), ("reasons=101", 400, "'101'")])
def test_another_count_of_reasons_is_refused_and_nothing_is_scored(served, query, status, what):
    before = len(logged(served))
    found, said = served.ask("POST", f"/v1/predict?{query}", {"rows": [ROW]})
    assert (found, said["error"]["where"]) == (status, "reasons")
    assert what in said["error"]["what"]
    assert "/v1/predict?reasons=3" in said["error"]["remedy"]
    assert len(logged(served)) == before


def test_reasons_are_told_of_few_rows_and_only_by_packages_that_have_them(fresh):
    package = make_package(fresh.lake, explains=False)
    fresh.promote(package)
    fresh.start().wait_for(package)
    status, said = fresh.ask("POST", "/v1/predict?reasons=3", {"rows": [ROW]})
    assert status == 400
    assert "tells no reasons" in said["error"]["what"]
    assert "--fresh model" in said["error"]["remedy"]
    assert "reasons" not in fresh.ask("GET", "/openapi.json")[1]["components"]["schemas"]["Prediction"]["properties"]
    assert fresh.ask("POST", "/v1/predict?reasons=0", {"rows": [ROW]})[0] == 200


def test_more_rows_than_are_explained_at_once_are_refused(served):
    status, said = served.ask("POST", "/v1/predict?reasons=1", {"rows": [ROW] * 31})
    assert (status, said["error"]["where"]) == (413, "rows")
    assert "serve.limits.reason_rows" in said["error"]["remedy"]
    assert served.ask("POST", "/v1/predict?reasons=1", {"rows": [ROW] * 30})[0] == 200


def test_many_rows_are_answered_in_their_order(served):
    rows = [ROW | {"income": float(step)} for step in range(50)]
    _, said = served.ask("POST", "/v1/predict", {"rows": rows})
    _, alone = served.ask("POST", "/v1/predict", {"rows": rows[-1:]})
    assert len(said["predictions"]) == 50
    assert said["predictions"][-1]["score"] == alone["predictions"][0]["score"]


def test_no_rows_are_answered_with_no_predictions(served):
    assert served.ask("POST", "/v1/predict", {"rows": []})[1]["predictions"] == []


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"age": "old", "income": 1.0, "city": "Bern"}, "age"),
        ({"age": 1, "income": 1.0}, "city"),
        (ROW | {"town": "Bern"}, "town"),
        (ROW | {"age": None}, "age"),
        (ROW | {"at": "yesterday"}, "at"),
    ],
)
def test_a_wrong_field_gets_422_that_names_row_and_field(served, row, field):
    status, said = served.ask("POST", "/v1/predict", {"rows": [ROW, row]})
    assert status == 422
    error = said["error"]
    assert (error["problems"][0]["row"], error["problems"][0]["field"]) == (1, field)
    assert field in error["what"]
    assert error["remedy"]
    (kept,) = [record for record in logged(served, "refused") if record["raw"] == json.dumps(row)][-1:]
    assert kept["kind"] == "row"
    assert kept["reasons"][0].startswith(field)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_finite_number_names_its_field(served, literal):
    status, said = served.ask("POST", "/v1/predict", raw=f'{{"rows": [{{"age": 1, "income": {literal}, "city": "Bern"}}]}}'.encode())
    assert (status, said["error"]["where"]) == (422, "rows[0].income")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\xfa", "not JSON"),
        (b"1", "list 'rows'"),
        (b"{}", "list 'rows'"),
        (b'{"rows": {}}', "list 'rows'"),
        (b'{"row": []}', "'row' is perhaps 'rows'"),
        (b'{"rows": [], "more": 1}', "list 'rows'"),
        (b"[" * 50_000, "nested"),
    ],
)
def test_a_bad_body_gets_400_with_the_reason(served, raw, says):
    status, said = served.ask("POST", "/v1/predict", raw=raw)
    assert status == 400
    assert says in said["error"]["what"]
    assert said["error"]["remedy"]


def test_too_much_gets_413_with_the_limit(served):
    status, said = served.ask("POST", "/v1/predict", {"rows": [ROW] * 51})
    assert (status, said["error"]["where"]) == (413, "rows")
    status, said = served.ask("POST", "/v1/predict", raw=b" " * 150_000)
    assert (status, said["error"]["where"]) == (413, "body")


def test_a_body_in_chunks_is_measured_as_it_comes(served):
    connection = served.connection()
    connection.request("POST", "/v1/predict", iter([b" " * 30_000] * 5), encode_chunked=True, headers={"transfer-encoding": "chunked"})
    assert connection.getresponse().status == 413
    connection.close()


def test_a_wrong_method_or_path_is_told_in_json(served):
    status, said = served.ask("GET", "/v1/predict")
    assert (status, said["error"]["remedy"]) == (405, "use POST")
    status, said = served.ask("POST", "/v1/predictt", {})
    assert (status, said["error"]["remedy"]) == (404, "/v1/predict perhaps")


@pytest.mark.parametrize(
    ("method", "path", "remedy"),
    [
        ("POST", "/v1/predict?reason=2", "'reasons' perhaps"),
        ("POST", "/v1/predict?reasons=1&x=1", "there is: reasons"),
        ("POST", "/v1/predict?reasons=1&reasons=2", "give it once"),
        ("POST", "/v1/outcomes?reasons=1", "it takes none"),
        ("POST", "/v1/feedback?dry=1", "it takes none"),
        ("GET", "/readyz?x=", "it takes none"),
        ("GET", "/healthz?x", "it takes none"),
        ("GET", "/metrics?name=x", "it takes none"),
        ("GET", "/openapi.json?x=1", "it takes none"),
        ("GET", "/?x=1", "it takes none"),
    ],
)
def test_a_parameter_that_is_unknown_is_refused_with_the_nearest_known_one(served, method, path, remedy):
    before = len(logged(served))
    status, said = served.ask(method, path, {"rows": [ROW]} if method == "POST" else None)
    assert (status, said["error"]["where"], said["error"]["remedy"]) == (400, "query", remedy)
    assert len(logged(served)) == before


def test_outcomes_are_taken_and_malformed_ones_kept_apart_with_the_reason(served):
    _, said = served.ask("POST", "/v1/predict", {"rows": [ROW]})
    id = said["predictions"][0]["id"]
    items = [{"id": id, "outcome": "yes"}, {"id": 7, "outcome": "yes"}, {"id": id, "outcome": "what"}, {"id": "20240101-early-x", "outcome": False}]
    status, said = served.ask("POST", "/v1/outcomes", {"outcomes": items})
    assert (status, said["received"], said["malformed"]) == (200, 2, 2)
    assert [(one["item"], one["what"].split(":")[0]) for one in said["problems"]] == [(1, "id"), (2, "outcome")]
    assert [(record["id"], record["outcome"]) for record in logged(served, "outcomes")] == [(id, "yes"), ("20240101-early-x", "no")]
    reasons = [record["reasons"] for record in logged(served, "refused") if record["kind"] == "outcome"]
    assert [reason[0].split(":")[0] for reason in reasons] == ["id", "outcome"]


@pytest.mark.parametrize(("kind", "item"), [("outcomes", {"id": "20240101-early-x", "outcome": "yes"}), ("feedback", {"id": "20240101-early-x", "rating": 4})])
def test_a_bare_list_is_taken_as_the_object_around_it_is(served, kind, item):
    told = [served.ask("POST", f"/v1/{kind}", body) for body in ({kind: [item, {}]}, [item, {}])]
    assert told[0] == told[1]
    assert (told[0][0], told[0][1]["received"], told[0][1]["malformed"]) == (200, 1, 1)
    assert served.ask("POST", f"/v1/{kind}", [])[1] == {"received": 0, "malformed": 0}


def test_metrics_count_what_happened(served):
    served.ask("POST", "/v1/predict", {"rows": [ROW]})
    _, text = served.ask("GET", "/metrics")
    assert 'loopline_requests_total{endpoint="/v1/predict",status="200"}' in text
    assert "loopline_request_seconds_bucket" in text
    assert 'family="linear"' in text
    assert "loopline_rows_total" in text


def test_the_bytes_of_the_answers_are_counted(served):
    def sent():
        return float(re.search(r"^loopline_sent_bytes_total (\S+)$", served.ask("GET", "/metrics")[1], flags=re.MULTILINE)[1])

    before = sent()
    _, said = served.ask("POST", "/v1/predict", {"rows": [ROW]})
    # The first page of metrics is itself an answer.
    assert sent() - before > 1000 + len(json.dumps(said, separators=(",", ":")))


def test_the_description_is_valid_openapi_and_typed_by_the_signature(served):
    _, document = served.ask("GET", "/openapi.json")
    validate(document)
    row = document["components"]["schemas"]["Row"]
    assert row["properties"]["age"]["type"] == "integer"
    assert row["properties"]["income"]["type"] == ["number", "null"]
    assert row["required"] == ["age", "income", "city"]
    assert row["additionalProperties"] is False
    # The example in it is answered.
    example = document["paths"]["/v1/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert served.ask("POST", "/v1/predict", example)[0] == 200


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_are_answered_in_their_way(fresh, task):
    package = make_package(fresh.lake, task)
    fresh.promote(package)
    fresh.start().wait_for(package)
    (answer,) = fresh.ask("POST", "/v1/predict", {"rows": [ROW]})[1]["predictions"]
    assert set(answer) == {"id", "score", "decision"} | ({"scores"} if task == "multiclass" else set())
    assert type(answer["decision"]) is (str if task == "multiclass" else float)
    validate(fresh.ask("GET", "/openapi.json")[1])


def test_the_front_page_lists_the_endpoints(served):
    status, text = served.ask("GET", "/")
    assert status == 200
    assert all(path in text for path in ("/v1/predict", "/v1/outcomes", "/openapi.json"))


def test_without_a_champion_it_lives_but_is_not_ready_until_one_comes(fresh):
    fresh.start().wait_for(None)
    assert fresh.ask("GET", "/healthz")[0] == 200
    for method, path in (("GET", "/readyz"), ("POST", "/v1/predict")):
        status, said = fresh.ask(method, path, {"rows": [ROW]} if method == "POST" else None)
        assert status == 503
        assert "loopline run" in said["error"]["remedy"]
    validate(fresh.ask("GET", "/openapi.json")[1])
    package = make_package(fresh.lake)
    fresh.promote(package)
    fresh.wait_for(package)
    assert fresh.ask("POST", "/v1/predict", {"rows": [ROW]})[0] == 200


def test_a_champion_that_cannot_be_loaded_leaves_the_one_before_at_work(fresh):
    package = make_package(fresh.lake)
    fresh.promote(package)
    fresh.start().wait_for(package)
    fresh.promote("0" * 64)
    until = time.monotonic() + 10
    while "loopline_follow_failures_total 1.0" not in fresh.ask("GET", "/metrics")[1]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert fresh.ask("POST", "/v1/predict", {"rows": [ROW]})[1]["package"] == package


class Load:
    """Clients that ask without a pause; what they were answered, and what failed."""

    def __init__(self, served: Served, clients: int = 8) -> None:
        self.answered: list[tuple[str, str]] = []
        self.failed: list[object] = []
        self._served = served
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _client(self) -> None:
        connection = self._served.connection()
        body = json.dumps({"rows": [ROW]})
        while not self._stop.is_set():
            try:
                connection.request("POST", "/v1/predict", body)
                response = connection.getresponse()
                said = json.loads(response.read())
                if response.status == 200:
                    self.answered.append((said["package"], said["predictions"][0]["id"]))
                else:
                    self.failed.append((response.status, said))
            except (OSError, HTTPException, ValueError) as error:  # an answer that was cut off was not given
                self.failed.append(error)
                break
        connection.close()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_the_champion_is_swapped_without_failing_a_request(fresh):
    first, second = make_package(fresh.lake), make_package(fresh.lake, shift=0.1)
    fresh.promote(first)
    fresh.start().wait_for(first)
    load = Load(fresh)
    time.sleep(0.3)
    fresh.promote(second)
    fresh.wait_for(second)
    time.sleep(0.2)
    load.end()
    assert load.failed == []
    assert {package for package, _ in load.answered} == {first, second}
    assert all(id.split("-")[1] == package[:8] for package, id in load.answered)


def test_killed_under_load_every_answered_id_is_in_the_log(fresh):
    package = make_package(fresh.lake)
    fresh.promote(package)
    fresh.start().wait_for(package)
    load = Load(fresh)
    time.sleep(0.5)
    fresh.process.send_signal(signal.SIGKILL)
    load.end()
    assert len(load.answered) > 50
    assert {id for _, id in load.answered} <= {record["id"] for record in logged(fresh)}


def test_told_to_stop_it_ends_in_order_with_all_that_it_answered(fresh):
    package = make_package(fresh.lake)
    fresh.promote(package)
    fresh.start().wait_for(package)
    load = Load(fresh)
    time.sleep(0.3)
    code, out, err = fresh.stop()
    load.end()
    assert (code, err) == (0, "")
    assert {id for _, id in load.answered} == {record["id"] for record in logged(fresh)}
    # What serves needs none of what trains and stores.
    loaded = set(out.split())
    assert "ended" in loaded
    assert loaded.isdisjoint({"polars", "sklearn", "lightgbm", "deltalake", "duckdb", "optuna", "pandas", "altair", "onnx", "scipy"})


def test_a_full_disk_answers_503_and_logs_nothing_it_did_not_answer(fresh):
    package = make_package(fresh.lake)
    fresh.promote(package)
    fresh.start().wait_for(package)
    assert fresh.ask("POST", "/v1/predict", {"rows": [ROW]})[0] == 200
    # The kernel lets no file of the server grow past this: the real system call fails as on a full disk.
    resource.prlimit(fresh.process.pid, resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))
    statuses = [fresh.ask("POST", "/v1/predict", {"rows": [ROW] * 2}) for _ in range(3)]
    assert [status for status, _ in statuses] == [503] * 3
    assert "cannot be written" in statuses[0][1]["error"]["what"]
    resource.prlimit(fresh.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert fresh.ask("POST", "/v1/predict", {"rows": [ROW]})[0] == 200
    assert len(logged(fresh)) == 2
