"""What makes an exported package an MLflow model: the ``MLmodel`` file, the environments that it names, and an example of its input."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import yaml

from loopline.model.bom import SCORES_WITH
from loopline.model.example import example
from loopline.model.package import Package
from loopline.model.policy import columns_of

LOADER = "loopline.model.pyfunc"
_EXAMPLE, _REQUEST = "input_example.json", "serving_input_example.json"
_TYPES = {"number": "double", "integer": "long", "boolean": "boolean", "date": "datetime", "datetime": "datetime"}


def files(package: Package) -> dict[str, str]:
    """The texts by the names of their files: ``MLmodel``, ``requirements.txt``, ``python_env.yaml``, and the example as a frame and as a request.

    References
    ----------
    MLflow, "MLflow Models: Storage Format", of the documentation of MLflow 3.
    """
    needed = [f"{name}=={version(name)}" for name in SCORES_WITH]
    python = platform.python_version()
    flavor = {"loader_module": LOADER, "python_version": python, "env": {"virtualenv": "python_env.yaml"}}
    columns = example(package, _read(package))
    frame = {"columns": list(columns), "data": [list(row) for row in zip(*columns.values(), strict=True)]}
    model = {
        "flavors": {"python_function": flavor},
        "model_uuid": package.digest[:32],
        "signature": {"inputs": json.dumps(inputs(package)), "outputs": json.dumps(_outputs(package.manifest)), "params": None},
        "saved_input_example_info": {"artifact_path": _EXAMPLE, "serving_input_path": _REQUEST, "type": "dataframe", "pandas_orient": "split"},
        "metadata": {"loopline_package": package.digest, "project": package.manifest["project"]},
    }
    environment = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    return {
        "MLmodel": yaml.safe_dump(model, sort_keys=False),
        "requirements.txt": "".join(f"{line}\n" for line in needed),
        "python_env.yaml": yaml.safe_dump(environment, sort_keys=False),
        _EXAMPLE: json.dumps(frame),
        _REQUEST: json.dumps({"dataframe_split": frame}, indent=2),
    }


def inputs(package: Package) -> list[dict[str, Any]]:
    """The columns that model and policy read, as MLflow's schema has them; whole numbers that may be null have any type, since pandas makes them floats.

    So have booleans that may be null, of which MLflow would make False.
    """
    return [{"type": _type(column), "name": column["name"], "required": bool(column["required"])} for column in _read(package)]


def _read(package: Package) -> list[Mapping[str, Any]]:
    priced = columns_of(package.parsed("policy.json"))
    return [column for column in package.parsed("signature.json")["columns"] if "feature" in column["roles"] or column["name"] in priced]


def _type(column: Mapping[str, Any]) -> str:
    if column["type"] in ("integer", "boolean") and not column["required"]:
        return "any"
    return _TYPES.get(column["type"], "string")


def _outputs(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    shares = [{"type": "double", "name": f"score {label}", "required": True} for label in manifest["classes"]] if manifest["task"] == "multiclass" else []
    decision = "double" if manifest["task"] == "regression" else "string"
    return [{"type": "double", "name": "score", "required": True}, {"type": decision, "name": "decision", "required": True}, *shares]
