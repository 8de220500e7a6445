"""A package as one folder or zip file that can be carried elsewhere: its files, the manifest and the signature, as plain bytes."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from loopline.errors import Fault, Mistake
from loopline.model.package import FORMAT, Package, digest_of, written
from loopline.model.signing import Signature

MANIFEST, SIGNATURES = "manifest.json", "manifest.sig"
_STAMP = (1980, 1, 1, 0, 0, 0)
"""The time of each file in a zip: the same package gives the same bytes."""


def write(package: Package, signatures: Sequence[Signature], to: Path, *, more: Mapping[str, str]) -> Path:
    """The folder, or the file where the name ends with ``.zip``, once it is whole.

    Parameters
    ----------
    more
        Texts for other tools, by the names of their files; they are not signed, and nothing of them is believed.

    Raises
    ------
    Mistake
        When there is something already.
    Fault
        When it cannot be written.
    """
    files = {**package.contents, **{name: text.encode() for name, text in more.items()}}
    files |= {MANIFEST: written(package.manifest), SIGNATURES: written([one.as_json() for one in signatures])}
    if to.exists() and not (to.is_dir() and not any(to.iterdir())):
        raise Mistake("there is something already", where=str(to), remedy="name a new folder or file, or remove it first")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{to.name}.", dir=to.parent))
        try:
            whole = partial / "whole"
            if to.suffix == ".zip":
                whole.write_bytes(_zipped(files))
            else:
                whole.mkdir()
                for name, data in sorted(files.items()):
                    (whole / name).write_bytes(data)
            os.replace(whole, to)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise Fault(f"the package cannot be written ({error.strerror})", where=str(to), remedy="give a place that can be written to") from None
    return to


def is_package(place: Path) -> bool:
    """Whether a folder or zip file says that it is an exported package."""
    if place.is_dir():
        return (place / MANIFEST).is_file()
    if not zipfile.is_zipfile(place):
        return False
    with zipfile.ZipFile(place) as archive:
        return MANIFEST in archive.namelist()


def read(place: Path) -> tuple[Package, tuple[Signature, ...]]:
    """An exported package with each file checked against its digest, and its signatures; whether they hold is not checked here.

    Raises
    ------
    Mistake
        When it is no exported package, or a newer Loopline made it.
    Fault
        When it was changed after it was made.
    """
    try:
        manifest = json.loads(_read(place, MANIFEST))
        version, names = manifest["format"], dict(manifest["files"])
    except (KeyError, ValueError, TypeError):
        raise Mistake("this is no exported package", where=str(place), remedy="make one: loopline model export --to FOLDER") from None
    if version != FORMAT:
        raise Mistake(f"it has format {version}, and this Loopline reads {FORMAT}", where=str(place), remedy="upgrade Loopline: pip install -U loopline")
    contents = {}
    for name, digest in names.items():
        if PurePosixPath(name).name != name:
            raise Mistake(f"{name!r} is no name of a file", where=str(place), remedy="fetch the package again from who made it")
        contents[name] = _whole(place, name, digest)
    try:
        signatures = tuple(Signature.of_json(one) for one in json.loads(_read(place, SIGNATURES)))
    except (KeyError, ValueError, TypeError):
        signatures = ()
    return Package(digest_of(written(manifest)), manifest, contents), signatures


def _whole(place: Path, name: str, digest: str) -> bytes:
    try:
        data = _read(place, name)
    except KeyError:
        raise Fault(f"{name} is missing", where=str(place), remedy="fetch the package again from who made it") from None
    if digest_of(data) != digest:
        raise Fault(f"{name} was changed after it was made", where=str(place), remedy="fetch the package again from who made it")
    return data


def _read(place: Path, name: str) -> bytes:
    """A file's bytes.

    Raises
    ------
    KeyError
        When there is no such file.
    """
    try:
        if place.is_dir():
            return (place / name).read_bytes()
        with zipfile.ZipFile(place) as archive:
            return archive.read(name)
    except FileNotFoundError:
        raise KeyError(name) from None
    # A part may be broken, packed in an unknown way, or locked with a password.
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise Fault(f"it cannot be read ({type(error).__name__})", where=str(place), remedy="check the file and its permissions") from None


def _zipped(files: Mapping[str, bytes]) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _STAMP), data, zipfile.ZIP_DEFLATED)
    return into.getvalue()


def said_of(manifest: Mapping[str, Any]) -> str:
    """A package's README: three lines."""
    return (
        f"# {manifest['project']}: a package of Loopline that decides on {manifest['target']}\n"
        "Read card.html first; manifest.json names each file with its digest, and manifest.sig says who signed it.\n"
        "Use it: loopline model import THIS, mlflow.pyfunc.load_model(THIS), or loopline.model.pyfunc.load(THIS).\n"
    )
