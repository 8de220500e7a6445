"""A package's software bill of materials: the model, the data that it was made from, and the libraries that score it.

References
----------
OWASP CycloneDX, "Bill of Materials Specification", version 1.6 (ECMA-424), 2024.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from loopline.ledger.entry import canonical

SCORES_WITH = ("loopline", "numpy", "onnxruntime", "msgspec", "pydantic", "cryptography")
"""What a process needs to load a package and to score with it."""

_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_SPACE = uuid.UUID("6f0b6b0e-4d0c-5f2f-9a38-6b1c7a1d9a10")


def materials(said: Mapping[str, Any], contents: Mapping[str, bytes], *, table: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The bill as CycloneDX 1.6, for ``bom.json``: the same for the same package; it says no time.

    Parameters
    ----------
    said
        The manifest's fields: project, family, task and target.
    contents
        The package's files, of which the bill names the digests.
    table
        The table that it was learned from: ``name``, ``rows``, and the ``sha256`` of what was read of it; its version differs between workspaces.
    params
        The settings of the chosen candidate.
    """
    model, data = f"model:{said['project']}", f"data:{table['name']}"
    libraries = [_library(name) for name in SCORES_WITH if _found(name) is not None]
    root = {
        "type": "application",
        "bom-ref": f"package:{said['project']}",
        "name": said["project"],
        "version": _digest(sorted((name, _sha256(value)) for name, value in contents.items()))[:12],
        "description": f"decides on {said['target']}",
    }
    components = [_model(said, contents, table=table, params=params, ref=model), _data(table, ref=data), *libraries]
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [
            {"ref": root["bom-ref"], "dependsOn": [model, *(library["bom-ref"] for library in libraries)]},
            {"ref": model, "dependsOn": [data]},
        ],
    }
    return {**bill, "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, canonical(bill))}"}


def _model(said: Mapping[str, Any], contents: Mapping[str, bytes], *, table: Mapping[str, Any], params: Mapping[str, Any], ref: str) -> dict[str, Any]:
    kind = "regression" if said["task"] == "regression" else "classification"
    return {
        "type": "machine-learning-model",
        "bom-ref": ref,
        "name": f"{said['project']}, {said['target']}",
        "hashes": [{"alg": "SHA-256", "content": _sha256(contents["model.onnx"])}],
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": f"{kind} ({said['task']})",
                "architectureFamily": said["family"],
                "datasets": [{"ref": f"data:{table['name']}"}],
                "outputs": [{"format": "number"}],
            }
        },
        "properties": [{"name": f"loopline:params:{name}", "value": str(value)} for name, value in sorted(params.items())],
    }


def _data(table: Mapping[str, Any], *, ref: str) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": ref,
        "name": table["name"],
        "version": table["sha256"][:12],
        "hashes": [{"alg": "SHA-256", "content": table["sha256"]}],
        "data": [{"type": "dataset", "name": table["name"], "classification": "tabular"}],
        "properties": [{"name": "loopline:rows", "value": str(table["rows"])}],
    }


def _library(name: str) -> dict[str, Any]:
    found = distribution(name)
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{found.version}"
    licence = _licence(found)
    made = {"type": "library", "bom-ref": purl, "name": name, "version": found.version, "purl": purl, "scope": "required"}
    return {**made, "licenses": [licence]} if licence else made


def _licence(found: Distribution) -> dict[str, Any] | None:
    """An SPDX expression where the library says one, else the name that it says."""
    expression = _field(found, "License-Expression")
    if expression and _EXPRESSION.fullmatch(expression):
        return {"expression": expression}
    named = expression or next(_classified(found.metadata.get_all("Classifier") or ()), None) or _field(found, "License").strip().split("\n")[0]
    return {"license": {"name": named[:200]}} if named else None


def _field(found: Distribution, name: str) -> str:
    said: str | None = found.metadata[name] if name in found.metadata else None  # noqa: SIM401, its type has no get
    return said or ""


def _classified(lines: Iterable[str]) -> Iterator[str]:
    return (line.rsplit(" :: ", 1)[1] for line in lines if line.startswith("License :: ") and line.count(" :: ") > 1)


def _found(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(value: object) -> str:
    return _sha256(canonical(value).encode())
