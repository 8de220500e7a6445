"""What makes an exported package an MLflow model: the ``MLmodel`` file, and the environments that it names."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import yaml

from loopline.model.bom import SCORES_WITH
from loopline.model.package import Package

LOADER = "loopline.model.pyfunc"
_TYPES = {"number": "double", "boolean": "boolean", "date": "datetime", "datetime": "datetime"}


def files(package: Package) -> dict[str, str]:
    """The texts by the names of their files: ``MLmodel``, ``requirements.txt`` and ``python_env.yaml``.

    References
    ----------
    MLflow, "MLflow Models: Storage Format", of the documentation of MLflow 3.
    """
    needed = [f"{name}=={version(name)}" for name in SCORES_WITH]
    python = platform.python_version()
    flavor = {"loader_module": LOADER, "python_version": python, "env": {"virtualenv": "python_env.yaml"}}
    signature = package.parsed("signature.json")
    model = {
        "flavors": {"python_function": flavor},
        "model_uuid": package.digest[:32],
        "signature": {"inputs": json.dumps(inputs(signature)), "outputs": json.dumps(_outputs(package.manifest)), "params": None},
        "metadata": {"loopline_package": package.digest, "project": package.manifest["project"]},
    }
    environment = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    return {
        "MLmodel": yaml.safe_dump(model, sort_keys=False),
        "requirements.txt": "".join(f"{line}\n" for line in needed),
        "python_env.yaml": yaml.safe_dump(environment, sort_keys=False),
    }


def inputs(signature: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The features as MLflow's schema has them; whole numbers that may be null have any type, since pandas makes them floats."""
    columns = [column for column in signature["columns"] if "feature" in column["roles"]]
    return [{"type": _type(column), "name": column["name"], "required": bool(column["required"])} for column in columns]


def _type(column: Mapping[str, Any]) -> str:
    if column["type"] == "integer":
        return "long" if column["required"] else "any"
    return _TYPES.get(column["type"], "string")


def _outputs(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    shares = [{"type": "double", "name": f"score {label}", "required": True} for label in manifest["classes"]] if manifest["task"] == "multiclass" else []
    decision = "double" if manifest["task"] == "regression" else "string"
    return [{"type": "double", "name": "score", "required": True}, {"type": decision, "name": "decision", "required": True}, *shares]
