"""The bill of materials: valid by the official schema, and the same each time."""

from __future__ import annotations

import json
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from loopline.model.bom import SCORES_WITH, materials
from tests.model.conftest import Made

SAID = {"project": "p", "family": "linear", "task": "binary", "target": "y"}
TABLE = {"name": "t", "rows": 3, "sha256": "0b" * 32}


@pytest.fixture(scope="module")
def valid() -> jsonschema.Draft7Validator:
    """The official schema, as the tools' own library ships it."""
    folder = Path(str(distribution("cyclonedx-python-lib").locate_file("cyclonedx/schema/_res")))
    schemas = {name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text()) for name in ("bom-1.6", "spdx", "jsf-0.82")}
    registry: Registry[Any] = Registry().with_resources([(schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()])
    return jsonschema.Draft7Validator(schemas["bom-1.6"], registry=registry)


def test_it_is_valid_and_the_schema_can_fail(valid: jsonschema.Draft7Validator) -> None:
    bill = materials(SAID, {"model.onnx": b"graph"}, table=TABLE, params={"leaves": 7, "rate": 0.1})
    valid.validate(bill)
    with pytest.raises(jsonschema.ValidationError):
        valid.validate({**bill, "specVersion": 16})


def test_a_real_package_has_it(valid: jsonschema.Draft7Validator, made: Made) -> None:
    bill = made.package.parsed("bom.json")
    valid.validate(bill)
    kinds = {component["name"]: component["type"] for component in bill["components"]}
    assert kinds["t"] == "data"
    assert set(SCORES_WITH) <= set(kinds)
    assert "machine-learning-model" in kinds.values()


def test_the_same_package_has_the_same_bill() -> None:
    def made(graph: bytes = b"graph", **more: Any) -> dict[str, Any]:
        return materials({**SAID, **more}, {"model.onnx": graph}, table=TABLE, params={})

    assert made() == made()
    assert len({made()["serialNumber"], made(b"other")["serialNumber"], made(family="lightgbm")["serialNumber"]}) == 3


def test_libraries_are_named_with_version_and_licence() -> None:
    found = {one["name"]: one for one in materials(SAID, {"model.onnx": b""}, table=TABLE, params={})["components"]}
    assert found["numpy"]["purl"] == f"pkg:pypi/numpy@{version('numpy')}"
    assert all(found[name]["licenses"] for name in ("numpy", "onnxruntime", "cryptography"))
