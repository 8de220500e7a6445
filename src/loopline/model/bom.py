"""A package's software bill of materials: the model, the data that it was made from, and the libraries that score it.

References
----------
OWASP CycloneDX, "Bill of Materials Specification", version 1.6 (ECMA-424), 2024.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from loopline.ledger.entry import canonical

SCORES_WITH = ("loopline", "numpy", "onnxruntime", "msgspec", "pydantic", "cryptography")
"""What a process needs to load a package and to score with it; what these need themselves comes with them."""

_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "MIT": "MIT",
    "MIT License": "MIT",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""The SPDX names of licences that older metadata names in words; those whose words leave the version open are not among them."""
_OF_INSTALLER = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "provenance_url.json", "uv_build.json", "uv_cache.json"})
_REQUIRED = re.compile(r"[A-Za-z0-9._-]+")
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
    found = _needed()
    libraries = [_library(name, one) for name, one in found.items()]
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
            {"ref": root["bom-ref"], "dependsOn": [model, *(_purl(found[name]) for name in SCORES_WITH if name in found)]},
            {"ref": model, "dependsOn": [data]},
            {"ref": data},
            *({"ref": _purl(one), "dependsOn": [_purl(found[needed]) for needed in _requires(one) if needed in found]} for one in found.values()),
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


def _needed() -> dict[str, Distribution]:
    """The installed libraries by their names: `SCORES_WITH`, and what those need in turn; of Loopline's own needs only what scores."""
    found: dict[str, Distribution] = {}
    waiting = list(SCORES_WITH)
    while waiting:
        name = waiting.pop(0)
        if name not in found and (one := _found(name)) is not None:
            found[name] = one
            waiting += [] if name == "loopline" else _requires(one)
    return found


def _requires(found: Distribution) -> list[str]:
    """The libraries that a library asks for unless an extra is wanted, by their normalised names."""
    lines = [line for line in found.requires or () if not re.search(r"\bextra\b", line.partition(";")[2])]
    return sorted({_normal(match[0]) for line in lines if (match := _REQUIRED.match(line))})


def _library(name: str, found: Distribution) -> dict[str, Any]:
    """A library as it is installed; it has no ``hashes``, for those are the archive's, of which nothing is known once it is installed."""
    purl, licence, files = _purl(found), _licence(found), _files_sha256(found)
    made = {"type": "library", "bom-ref": purl, "name": name, "version": found.version, "purl": purl, "scope": "required"}
    told = {"licenses": [licence]} if licence else {}
    return {**made, **told, **({"properties": [{"name": "loopline:files_sha256", "value": files}]} if files else {})}


def _files_sha256(found: Distribution) -> str | None:
    """The SHA-256 of the names and digests of the files that the wheel brought, by its ``RECORD``; None where it has none, or is linked to its source.

    What the installer wrote is left out, so that pip and uv, in any folder, give the same.
    """
    if json.loads(found.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        return None
    rows = [row for row in csv.reader((found.read_text("RECORD") or "").splitlines()) if len(row) > 1 and row[1]]
    brought = sorted((row[0], row[1]) for row in rows if not row[0].startswith(("..", "/")) and row[0].rsplit("/", 1)[-1] not in _OF_INSTALLER)
    return _digest(brought) if brought else None


def _purl(found: Distribution) -> str:
    return f"pkg:pypi/{_normal(found.metadata['Name'])}@{found.version}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(found: Distribution) -> dict[str, Any] | None:
    """The SPDX expression or name where the library says one, else the words that it says."""
    expression = _field(found, "License-Expression")
    if expression and _EXPRESSION.fullmatch(expression):
        return {"expression": expression}
    words = [word for word in (expression, *_classified(found.metadata.get_all("Classifier") or ()), _field(found, "License").strip().split("\n")[0]) if word]
    if known := next((_SPDX[word] for word in words if word in _SPDX), None):
        return {"license": {"id": known}}
    return {"license": {"name": words[0][:200]}} if words else None


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
