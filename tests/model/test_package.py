"""A package's files under their digests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopline.errors import Fault, Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.model.package import load, load_manifest, pack, store, written
from loopline.model.signing import Trust
from tests.signing import vouched

SAID = {"project": "p", "task": "binary", "target": "y", "positive": "yes", "classes": ["no", "yes"], "key": [], "time": None, "family": "linear"}

NOBODY = Trust({}, {})
NAMES = ("model.onnx", "signature.json", "policy.json", "reference.json", "metrics.json", "card.md")


def contents(card: bytes = b"# card") -> dict[str, bytes]:
    return {**{name: written({"of": name}) for name in NAMES}, "card.md": card}


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(Lake(str(tmp_path)))


def test_what_is_stored_comes_back(blobs: Blobs) -> None:
    package = pack(SAID, contents())
    digest = store(blobs, package)
    again = load(blobs, digest, vouched(blobs, digest))
    assert digest == package.digest == again.digest
    assert again.contents == package.contents
    assert again.parsed("policy.json") == {"of": "policy.json"}
    assert again.text("card.md") == "# card"
    assert load_manifest(blobs, digest) == package.manifest


def test_the_name_is_the_digest_of_all_that_is_in_it() -> None:
    assert pack(SAID, contents()).digest == pack(SAID, contents()).digest
    assert pack(SAID, contents()).digest != pack(SAID, contents(b"# other")).digest
    assert pack(SAID, contents()).digest != pack({**SAID, "target": "z"}, contents()).digest


@pytest.mark.parametrize("which", ["manifest", *NAMES])
def test_a_changed_byte_is_found(blobs: Blobs, tmp_path: Path, which: str) -> None:
    package = pack(SAID, contents())
    store(blobs, package)
    trust = vouched(blobs, package.digest)
    digest = package.digest if which == "manifest" else package.manifest["files"][which]
    (file,) = (place for place in tmp_path.rglob(digest) if place.is_file())
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(Fault, match="changed"):
        load(blobs, package.digest, trust)


class Lying:
    """A store that does not check what it gives."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def put(self, data: bytes) -> str:
        raise AssertionError

    def get(self, digest: str) -> bytes:
        return self.data


def test_the_store_is_not_trusted() -> None:
    with pytest.raises(Fault, match="changed after it was made"):
        load(Lying(b"{}"), "0" * 64, NOBODY)


def test_another_blob_is_no_package(blobs: Blobs) -> None:
    with pytest.raises(Mistake, match="is not a package"):
        load(blobs, blobs.put(b"PAR1"), NOBODY)


def test_a_package_of_a_newer_loopline_is_refused_with_the_remedy(blobs: Blobs) -> None:
    with pytest.raises(Mistake, match="has format 2.*pip install -U loopline"):
        load(blobs, blobs.put(json.dumps({"format": 2}).encode()), NOBODY)
