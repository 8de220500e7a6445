"""The other charter that somebody thinks of: fields set one by one in the text of ``loopline.yaml``, or another file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml

from loopline.data.proposals import amend
from loopline.errors import Fault, Mistake
from loopline.project import FILE, Declaration, Loader, Project, declared, parse, values_of

CHARTER = "charter"


@dataclass(frozen=True)
class Change:
    """Another charter, in the declaration.

    Parameters
    ----------
    told_by
        Where it comes from: ``loopline.yaml``, ``--set`` or the file's name.
    text
        ``loopline.yaml`` as it would be written; empty where it comes from another file.
    """

    declaration: Declaration
    told_by: str
    text: str = ""


def changed(project: Project, sets: Sequence[str], file: Path | None) -> Change:
    """The charter of the project, as it stands or with what is set, or another file's.

    Raises
    ------
    Mistake
        When a field is unknown (it names the nearest), or a value is not what the field takes.
    """
    text = _text(project.folder / FILE)
    if file is not None:
        beside = {name: value for name, value in values_of(text).items() if name != CHARTER}
        return Change(parse(_text(file), file=str(file), beside=beside), str(file))
    if not sets:
        return Change(project.declaration, FILE, text)
    texts = list(accumulate(sets, _with, initial=text))[1:]
    try:
        return Change(parse(texts[-1]), "--set", texts[-1])
    except Mistake as mistake:
        # What one field leaves undone the next may complete: what is wrong is what all together are, from the one on that brought it.
        said = next(one for one, so_far in zip(sets, texts, strict=True) if _wrong(so_far) == mistake.what)
        raise Mistake(mistake.what, where=f"--set {said}", remedy=mistake.remedy) from None


def with_charter(project: Project, charter: Mapping[str, Any]) -> Declaration:
    """The project's declaration with another charter, as it was stated.

    Raises
    ------
    Mistake
        When that does not fit what stands beside it now.
    """
    return declared({**values_of(_text(project.folder / FILE)), CHARTER: charter})


def _wrong(text: str) -> str:
    """What is wrong with a declaration; empty where nothing is."""
    try:
        parse(text)
    except Mistake as mistake:
        return mistake.what
    return ""


def _with(text: str, said: str) -> str:
    """The text with one field of the charter set."""
    name, equals, value = said.partition("=")
    path = [part for part in name.strip().removeprefix(f"{CHARTER}.").split(".") if part]
    if not equals or not path or not value.strip():
        raise Mistake(f"{said!r} names no field and value", where="--set", remedy="write it as worth.act_wrong=-80, or volume='700..1100 per day'")
    try:
        plain = yaml.load(value, Loader=Loader)
    except yaml.YAMLError:
        plain = value.strip()
    try:
        return _criterion(text, path, plain) if path[0] == "acceptance" and len(path) == 2 else amend.put(text, [CHARTER, *path], plain)
    except Mistake as mistake:
        raise Mistake(mistake.what, where=f"--set {said}", remedy=mistake.remedy) from None


def _criterion(text: str, path: Sequence[str], check: Any) -> str:
    """The text with the check of an acceptance criterion set, by its id; a new id is a new criterion."""
    known = (values_of(text).get(CHARTER) or {}).get("acceptance") or []
    place = next((at for at, one in enumerate(known) if str(one.get("id")) == path[1]), None)
    if place is None:
        return amend.extend(text, [CHARTER, "acceptance"], [{"id": path[1], "check": check}])
    return amend.put(text, [CHARTER, "acceptance", place, "check"], check)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Mistake("the file is not UTF-8 text", where=f"{file}, byte {error.start}", remedy="save it as UTF-8") from None
    except FileNotFoundError:
        raise Mistake("there is no such file", where=str(file), remedy=f"name a file with a charter in it, as {FILE} has one") from None
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", where=str(file), remedy="check its permissions") from None
