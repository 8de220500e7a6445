"""Trials and packages in an MLflow tracking server too, where ``MLFLOW_TRACKING_URI`` names one; what goes wrong there stops nothing here."""

from __future__ import annotations

import base64
import importlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from loopline.access.secrets import masked
from loopline.model.candidates import Trial
from loopline.model.package import Package

VARIABLE = "MLFLOW_TRACKING_URI"
STUDY, KEY = "loopline.study", "loopline.key"
"""The tags by which a run is found again: what is there already is not logged twice."""

_TIMEOUT_S = 10
_LONGEST = 5_000
_PAGE = 1_000


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as MLflow has them.

    Parameters
    ----------
    key
        By which it is found again in its study.
    files
        Texts that are kept with it, by name.
    """

    study: str
    key: str
    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    seconds: float
    failed: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags with those by which it is found again."""
        return {STUDY: self.study, KEY: self.key, "mlflow.runName": self.name, **self.tags}


def of_search(study: str, trials: Sequence[Trial], package: Package, *, best: str) -> list[Run]:
    """The runs of a search: one for each trial, and one for the package.

    Parameters
    ----------
    best
        The key of the trial that became the package.
    """
    runs = [_of_trial(study, trial, is_best=trial.key == best) for trial in trials]
    chosen = next((run for run in runs if run.key == best), None)
    return [*runs, of_package(study, package, params={} if chosen is None else chosen.params)]


def _of_trial(study: str, trial: Trial, *, is_best: bool) -> Run:
    tags = {"loopline.kind": "trial", "loopline.family": trial.family, "loopline.is_best": str(is_best).lower()}
    return Run(
        study=study,
        key=trial.key,
        name=f"{trial.family} {trial.key[:8]}",
        params={"family": trial.family, "weighting": trial.weighting, **{name: str(value)[:_LONGEST] for name, value in trial.params.items()}},
        metrics=_numbers({**trial.metrics, "worth": trial.worth, "seconds": trial.seconds, "effort": trial.effort}),
        tags={**tags, **({"loopline.failed": trial.failed[:_LONGEST]} if trial.failed else {})},
        seconds=trial.seconds,
        failed=bool(trial.failed),
    )


def of_package(study: str, package: Package, *, params: Mapping[str, str]) -> Run:
    """The run of a package: its figures on the test and the validation part, and its card."""
    said = package.parsed("metrics.json")
    worth = {name: said["worth"][name] for name in ("per_decision", "low", "high", "baseline")}
    parts = {f"{part}.{name}": value for part in ("validation", "test") for name, value in said[part].items()}
    return Run(
        study=study,
        key=package.digest,
        name=f"package {package.digest[:8]}",
        params={"family": package.manifest["family"], **params},
        metrics=_numbers({**parts, **{f"worth.{name}": value for name, value in worth.items()}, "worth.gain": said["worth"]["gain"]["mean"]}),
        tags={"loopline.kind": "package", "loopline.package": package.digest, "mlflow.note.content": package.text("card.md")[:_LONGEST]},
        seconds=0.0,
        files={"card.html": package.text("card.html"), "card.md": package.text("card.md")},
    )


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}


class Tracker(Protocol):
    """Where runs are logged."""

    def open(self, experiment: str) -> str:
        """The id of an experiment, which is made where there is none."""

    def logged(self, experiment_id: str, study: str) -> set[str]:
        """The keys of a study's runs that are there already."""

    def log(self, experiment_id: str, run: Run) -> None:
        """Enter a run that is over."""


def log(runs: Sequence[Run], *, project: str, say: Callable[[str], None], environment: Mapping[str, str] | None = None) -> int:
    """How many runs were logged just now; nothing where no server is named. What goes wrong is said in one line, and no more is tried."""
    among = os.environ if environment is None else environment
    uri = among.get(VARIABLE, "")
    if not uri:
        return 0
    done = 0
    try:
        tracker: Tracker = Rest(uri, among) if uri.startswith(("http://", "https://")) else Library(uri)
        experiment = tracker.open(project)
        there = {study: tracker.logged(experiment, study) for study in dict.fromkeys(run.study for run in runs)}
        for run in runs:
            if run.key not in there[run.study]:
                tracker.log(experiment, run)
                done += 1
    except Exception as error:  # a worker's door: neither a server nor the library tells what it may raise, and no search may fail for it
        say(f"MLflow at {masked(uri)} took {done} of {len(runs)} runs: {_said(error)}; the run goes on, and logs the rest when the search is run again")
    return done


def _said(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"it answered {error.code} {error.reason}"
    if isinstance(error, ModuleNotFoundError):
        return "this address needs the library, pip install mlflow"
    if isinstance(error, (URLError, OSError, HTTPException)):
        return f"it cannot be reached ({getattr(error, 'reason', None) or type(error).__name__})"
    return f"{type(error).__name__}"


class Rest:
    """An MLflow server over HTTP, without its library.

    References
    ----------
    MLflow, "REST API", version 2.0.
    """

    def __init__(self, uri: str, environment: Mapping[str, str]) -> None:
        self._uri = uri.rstrip("/")
        self._headers = _authorization(environment)

    def open(self, experiment: str) -> str:
        """The id of an experiment, which is made where there is none."""
        try:
            found = self._ask("GET", f"experiments/get-by-name?{urlencode({'experiment_name': experiment})}")
        except HTTPError as error:
            if error.code != 404:
                raise
            return str(self._ask("POST", "experiments/create", {"name": experiment})["experiment_id"])
        return str(found["experiment"]["experiment_id"])

    def logged(self, experiment_id: str, study: str) -> set[str]:
        """The keys of a study's runs that are there already."""
        keys: set[str] = set()
        asked: dict[str, Any] = {"experiment_ids": [experiment_id], "filter": f"tags.`{STUDY}` = '{study}'", "max_results": _PAGE}
        while True:
            found = self._ask("POST", "runs/search", asked)
            keys |= {tag["value"] for run in found.get("runs", ()) for tag in run["data"].get("tags", ()) if tag["key"] == KEY}
            if not found.get("next_page_token"):
                return keys
            asked["page_token"] = found["next_page_token"]

    def log(self, experiment_id: str, run: Run) -> None:
        """Enter a run that is over."""
        now = int(time.time() * 1000)
        # Without its key until all is there: killed in between, it is logged anew.
        tags = [{"key": name, "value": value} for name, value in run.all_tags.items() if name != KEY]
        asked = {"experiment_id": experiment_id, "run_name": run.name, "start_time": now - int(run.seconds * 1000), "tags": tags}
        info = self._ask("POST", "runs/create", asked)["run"]["info"]
        batch = {
            "run_id": info["run_id"],
            "params": [{"key": name, "value": value} for name, value in run.params.items()],
            "metrics": [{"key": name, "value": value, "timestamp": now, "step": 0} for name, value in run.metrics.items()],
        }
        self._ask("POST", "runs/log-batch", batch)
        scheme, _, path = str(info.get("artifact_uri", "")).partition(":")
        for name, text in run.files.items() if scheme == "mlflow-artifacts" else ():
            place = quote(f"{path.lstrip('/')}/{name}")
            self._send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{place}", text.encode(), "text/plain; charset=utf-8")
        self._ask("POST", "runs/set-tag", {"run_id": info["run_id"], "key": KEY, "value": run.key})
        self._ask("POST", "runs/update", {"run_id": info["run_id"], "status": "FAILED" if run.failed else "FINISHED", "end_time": now})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self._send(method, f"/api/2.0/mlflow/{path}", data, "application/json") or b"{}")

    def _send(self, method: str, path: str, data: bytes | None, kind: str) -> bytes:
        request = Request(f"{self._uri}{path}", data, {"Content-Type": kind, **self._headers}, method=method)
        with urlopen(request, timeout=_TIMEOUT_S) as answer:
            read: bytes = answer.read()
            return read


def _authorization(environment: Mapping[str, str]) -> dict[str, str]:
    """The header by which the server knows the caller, from the variables that MLflow's own library reads."""
    if environment.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {environment['MLFLOW_TRACKING_TOKEN']}"}
    if environment.get("MLFLOW_TRACKING_USERNAME"):
        pair = f"{environment['MLFLOW_TRACKING_USERNAME']}:{environment.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


class Library:
    """A folder or a database of MLflow's, through its library, which must be installed.

    Raises
    ------
    ModuleNotFoundError
        When it is not.
    """

    def __init__(self, uri: str) -> None:
        self._entities: Any = importlib.import_module("mlflow.entities")
        self._client: Any = importlib.import_module("mlflow.tracking").MlflowClient(tracking_uri=uri)

    def open(self, experiment: str) -> str:
        """The id of an experiment, which is made where there is none."""
        found = self._client.get_experiment_by_name(experiment)
        return str(self._client.create_experiment(experiment) if found is None else found.experiment_id)

    def logged(self, experiment_id: str, study: str) -> set[str]:
        """The keys of a study's runs that are there already."""
        keys: set[str] = set()
        token = None
        while True:
            page = self._client.search_runs([experiment_id], f"tags.`{STUDY}` = '{study}'", max_results=_PAGE, page_token=token)
            keys |= {run.data.tags[KEY] for run in page if KEY in run.data.tags}
            token = page.token
            if not token:
                return keys

    def log(self, experiment_id: str, run: Run) -> None:
        """Enter a run that is over."""
        now = int(time.time() * 1000)
        tags = {name: value for name, value in run.all_tags.items() if name != KEY}
        made = self._client.create_run(experiment_id, start_time=now - int(run.seconds * 1000), tags=tags, run_name=run.name).info.run_id
        metrics = [self._entities.Metric(name, value, now, 0) for name, value in run.metrics.items()]
        self._client.log_batch(made, metrics, [self._entities.Param(name, value) for name, value in run.params.items()])
        for name, text in run.files.items():
            self._client.log_text(made, text, name)
        self._client.set_tag(made, KEY, run.key)
        self._client.set_terminated(made, "FAILED" if run.failed else "FINISHED", now)
