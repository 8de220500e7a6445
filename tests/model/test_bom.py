"""The bill of materials: valid by the official schema, and the same each time."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, distribution, version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from loopline.model import bom
from loopline.model.bom import SCORES_WITH, materials
from tests.model.conftest import Made

SAID = {"project": "p", "family": "linear", "task": "binary", "target": "y"}
_SCHEMAS = "http://cyclonedx.org/schema/"
TABLE = {"name": "t", "rows": 3, "sha256": "0b" * 32}


@pytest.fixture(scope="module")
def valid() -> jsonschema.Draft7Validator:
    """The official schema, as the tools' own library ships it."""
    folder = Path(str(distribution("cyclonedx-python-lib").locate_file("cyclonedx/schema/_res")))
    schemas = {name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text()) for name in ("bom-1.6", "spdx", "jsf-0.82")}
    registry: Registry[Any] = Registry().with_resources(
        [(f"{_SCHEMAS}{name}.SNAPSHOT.schema.json", Resource.from_contents(schema)) for name, schema in schemas.items()]
    )
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
    assert found["onnxruntime"]["licenses"] == [{"license": {"id": "MIT"}}]


def test_what_the_libraries_need_themselves_is_named_with_who_needs_it() -> None:
    bill = materials(SAID, {"model.onnx": b""}, table=TABLE, params={})
    refs = [bill["metadata"]["component"]["bom-ref"], *(one["bom-ref"] for one in bill["components"])]
    edges = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert sorted(edges) == sorted(refs) and len(refs) == len(set(refs))
    assert {needed for those in edges.values() for needed in those} <= set(refs)
    assert f"pkg:pypi/pydantic-core@{version('pydantic-core')}" in edges[f"pkg:pypi/pydantic@{version('pydantic')}"]
    assert not any(one["name"] == "scikit-learn" for one in bill["components"]), "it fits models, and scores none"


def installed(folder: Path, installer: str, *, code: str = "sha256=aa", more: str = "", link: str = "{}") -> Distribution:
    """A library as an installer leaves it."""
    place = folder / "lib-1.0.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.4\nName: lib\nVersion: 1.0\nLicense-Expression: MIT\n")
    (place / "direct_url.json").write_text(link)
    lines = ("lib/__init__.py," + code + ",3", f"lib-1.0.dist-info/INSTALLER,sha256={installer},4", "lib-1.0.dist-info/RECORD,,", more)
    (place / "RECORD").write_text("\n".join(sorted(line for line in lines if line)))
    return Distribution.at(place)


def test_a_library_is_told_by_the_files_of_its_wheel_and_by_nothing_that_an_installer_adds(tmp_path: Path) -> None:
    one = bom._library("lib", installed(tmp_path / "pip", "pip", more="lib/__pycache__/__init__.cpython-311.pyc,,\n../../bin/lib,sha256=bb,9"))
    other = bom._library("lib", installed(tmp_path / "uv", "uv"))
    assert one == other
    assert [len(said["value"]) for said in one["properties"] if said["name"] == "loopline:files_sha256"] == [64]
    assert "hashes" not in one, "they are the archive's by the specification"
    assert bom._library("lib", installed(tmp_path / "changed", "pip", code="sha256=cc")) != one


def test_a_library_that_is_linked_to_its_source_or_has_no_record_has_no_digest(tmp_path: Path) -> None:
    linked = installed(tmp_path / "linked", "pip", link='{"dir_info": {"editable": true}, "url": "file:///src"}')
    bare = installed(tmp_path / "bare", "pip")
    (tmp_path / "bare" / "lib-1.0.dist-info" / "RECORD").unlink()
    assert not any("properties" in bom._library("lib", one) for one in (linked, bare))
