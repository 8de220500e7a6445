"""A package carried elsewhere: what comes out goes in again, and what was changed on the way is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from loopline.access.keys import own_key
from loopline.errors import Fault, Mistake
from loopline.model import folder
from loopline.model.columns import raw
from loopline.model.package import written
from loopline.model.predictor import Predictor, for_judging
from loopline.model.pyfunc import load
from loopline.model.signing import Signature, of_environment
from tests.model.conftest import Made


def exported(made: Made, to: Path) -> Path:
    key = own_key()
    signature = Signature(key.public, key.sign(written(made.package.manifest)))
    return folder.write(made.package, [signature], to, more={"README.md": folder.said_of(made.package.manifest)})


@pytest.mark.parametrize("name", ["out", "deep/out", "out.zip"])
def test_what_is_written_is_read_again(made: Made, tmp_path: Path, name: str) -> None:
    place = exported(made, tmp_path / name)
    again, signatures = folder.read(place)
    assert folder.is_package(place)
    assert (again.digest, again.manifest, again.contents) == (made.package.digest, made.package.manifest, made.package.contents)
    assert of_environment(again.digest, signatures).require(again.digest, written(again.manifest))
    predictor = Predictor(made.package)
    columns = raw(made.study.frame, predictor.columns)
    np.testing.assert_array_equal(for_judging(load(place).predict(columns)), for_judging(predictor.predict(columns)))


def test_the_same_package_gives_the_same_file(made: Made, tmp_path: Path) -> None:
    assert exported(made, tmp_path / "a.zip").read_bytes() == exported(made, tmp_path / "b.zip").read_bytes()


def test_nothing_half_made_is_left_and_nothing_is_overwritten(made: Made, tmp_path: Path) -> None:
    exported(made, tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    with pytest.raises(Mistake, match="there is something already"):
        exported(made, tmp_path / "out")
    closed = tmp_path / "file"
    closed.write_text("x")
    with pytest.raises(Fault, match="cannot be written"):
        exported(made, closed / "below")


@pytest.mark.parametrize("name", ["model.onnx", "policy.json", "card.html"])
def test_a_changed_file_is_refused(made: Made, tmp_path: Path, name: str) -> None:
    place = exported(made, tmp_path / "out")
    (place / name).write_bytes((place / name).read_bytes() + b" ")
    with pytest.raises(Fault, match=f"{name} was changed after it was made"):
        load(place)
    (place / name).unlink()
    with pytest.raises(Fault, match=f"{name} is missing"):
        load(place)


def test_a_manifest_made_to_fit_is_refused_by_its_signature(made: Made, tmp_path: Path) -> None:
    place = exported(made, tmp_path / "out")
    manifest = json.loads((place / "manifest.json").read_bytes())
    (place / "manifest.json").write_bytes(written({**manifest, "project": "mine"}))
    with pytest.raises(Fault, match="its signature is not of this package"):
        load(place)


def test_unsigned_or_of_a_stranger_it_is_refused(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = exported(made, tmp_path / "out")
    signed = (place / "manifest.sig").read_bytes()
    (place / "manifest.sig").unlink()
    with pytest.raises(Fault, match="it is not signed"):
        load(place)
    (place / "manifest.sig").write_bytes(signed)
    maker = own_key().public
    monkeypatch.setenv("LOOPLINE_KEY", str(tmp_path / "other.pem"))
    with pytest.raises(Fault, match="not trusted here.*export LOOPLINE_TRUST=ed25519:"):
        load(place)
    assert not (tmp_path / "other.pem").exists(), "whoever only loads gets no key"
    monkeypatch.setenv("LOOPLINE_TRUST", maker)
    load(place)
    monkeypatch.setenv("LOOPLINE_TRUST", "me")
    with pytest.raises(Mistake, match="LOOPLINE_TRUST: 'me' is no public key"):
        load(place)


def test_what_is_no_package_is_said(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="no exported package"):
        folder.read(tmp_path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert not folder.is_package(tmp_path / "other.zip")
    with pytest.raises(Mistake, match="no exported package"):
        folder.read(tmp_path / "other.zip")
    (tmp_path / "manifest.json").write_text('{"format": 1, "files": {"../evil": "x"}}')
    with pytest.raises(Mistake, match="'../evil' is no name of a file"):
        folder.read(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": 2, "files": {}}')
    with pytest.raises(Mistake, match="format 2.*pip install -U loopline"):
        folder.read(tmp_path)


def test_a_manifest_that_was_only_laid_out_anew_is_the_same_package(made: Made, tmp_path: Path) -> None:
    place = exported(made, tmp_path / "out")
    (place / "manifest.json").write_text(json.dumps(json.loads((place / "manifest.json").read_bytes()), indent=2))
    assert folder.read(place)[0].digest == made.package.digest
    load(place)


def test_an_archive_whose_parts_are_broken_or_locked_is_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"{}" * 500)
    data = whole.read_bytes()
    middle = data.index(b"manifest.json") + len(b"manifest.json")
    broken, locked = tmp_path / "broken.zip", tmp_path / "locked.zip"
    broken.write_bytes(data[:middle] + b"\xff" * 8 + data[middle + 8 :])
    central = data.index(b"PK\x01\x02")
    locked.write_bytes(data[:6] + b"\x01" + data[7 : central + 8] + b"\x01" + data[central + 9 :])
    for file in (broken, locked):
        with pytest.raises(Fault, match="it cannot be read"):
            folder.read(file)
