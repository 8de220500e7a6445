"""A project: the stages' declarations, read from one ``loopline.yaml`` and checked; a mistake names its line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NoReturn

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from loopline.access.secrets import Address, resolve
from loopline.access.spec import PagesSpec
from loopline.charter.contradictions import require_possible
from loopline.charter.spec import CharterSpec
from loopline.charter.template import require_known
from loopline.data.moments import moments_of
from loopline.data.spec import DataSpec
from loopline.declaration import Spec, wrong
from loopline.errors import Fault, Mistake
from loopline.housekeeping.spec import KeepSpec
from loopline.model.feature_tables import with_features
from loopline.model.spec import ModelSpec
from loopline.release.spec import ReleaseSpec
from loopline.serve.spec import ServeSpec
from loopline.value.spec import ValueSpec
from loopline.watch.spec import WatchSpec

FILE = "loopline.yaml"
_TAKEN_OTHERWISE = re.compile(r"\t|!(?!= )|[|>][-+\d]*#|(?<!\A)\ufeff|(?<![^\s\[{,])\?|\A[^{\[]*[{\[][^?]*\?")
Path_ = tuple[str | int, ...]

PublicKey = Annotated[str, StringConstraints(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$")]
"""Whose packages are trusted: ``ed25519:`` and 44 characters."""


class WorkspaceSpec(Spec):
    """Where ledger, lake and engine are; ``${NAME}`` stands for an environment variable, and ``LOOPLINE_*`` overrides."""

    ledger: Address = "sqlite:///.loopline/ledger.db"
    lake: Address = ".loopline/lake"
    engine: Address = "local"


class Declaration(Spec):
    """What one `loopline.yaml` declares."""

    project: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    charter: CharterSpec
    data: DataSpec
    model: ModelSpec = ModelSpec()
    release: ReleaseSpec = ReleaseSpec()
    serve: ServeSpec = ServeSpec()
    watch: WatchSpec = WatchSpec()
    value: ValueSpec = ValueSpec()
    pages: PagesSpec = PagesSpec()
    keep: KeepSpec = KeepSpec()
    workspace: WorkspaceSpec = WorkspaceSpec()
    keys: dict[str, PublicKey] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _with_features(self) -> Declaration:
        # The model's features by key and time are tables and lookups like any other: nothing after this makes them otherwise.
        data = with_features(self.data, self.model, self.charter)
        return self if data is self.data else self.model_copy(update={"data": data})

    @model_validator(mode="after")
    def _with_moments(self) -> Declaration:
        # Nothing can be looked up for a row without its moment: the contract refuses it when it comes.
        columns = sorted(moments_of(self.data, self.charter))
        return self.model_copy(update={"data": self.data.requiring(columns)}) if columns else self

    @model_validator(mode="after")
    def _with_criteria(self) -> Declaration:
        require_possible(self.charter)
        return self

    @model_validator(mode="after")
    def _with_template(self) -> Declaration:
        if self.charter.template is not None:
            require_known(self.charter.template, where="charter.template")
        return self

    @model_validator(mode="after")
    def _with_prices(self) -> Declaration:
        if self.watch.retrain is not None and self.watch.retrain.money is not None and self.charter.prices is None:
            remedy = "say charter.prices, or leave out watch.retrain.money"
            raise Mistake("what a retraining costs is not known, because the charter has no prices", where="watch.retrain.money", remedy=remedy)
        return self

    @model_validator(mode="after")
    def _with_times(self) -> Declaration:
        for name in self.watch.machinery.fresh:
            where = f"watch.machinery.fresh.{name}"
            if name not in self.data.sources:
                raise Mistake(f"there is no source {name!r}", where=where, remedy=f"the sources are: {', '.join(self.data.sources)}")
            if self.data.sources[name].time is None:
                remedy = f"say data.sources.{name}.time, or leave it out"
                raise Mistake(f"how old its newest row is cannot be told, because no column of {name} says when", where=where, remedy=remedy)
        return self


class Project:
    """A declaration and the folder in which it lies.

    Parameters
    ----------
    folder
        The folder of ``loopline.yaml``; the paths in it are relative to here.
    declaration
        The checked declaration.
    text
        The text that declares it, as it was read: the file may say something else by now, or be gone.
    """

    def __init__(self, folder: Path, declaration: Declaration, *, text: str) -> None:
        self.folder = folder
        self.declaration = declaration
        self.text = text

    @property
    def name(self) -> str:
        """The project's name."""
        return self.declaration.project

    @property
    def ledger_url(self) -> str:
        """The ledger's URL; ``LOOPLINE_LEDGER`` overrides the declaration."""
        url = _place("LEDGER", self.declaration.workspace.ledger)
        relative = re.fullmatch(r"sqlite:///(?!/)(.+)", url)
        return f"sqlite:///{(self.folder / relative[1]).resolve()}" if relative else url

    @property
    def lake_url(self) -> str:
        """The lake's folder or URL; ``LOOPLINE_LAKE`` overrides the declaration."""
        url = _place("LAKE", self.declaration.workspace.lake)
        return url if "://" in url else str((self.folder / url).resolve())

    @property
    def engine_url(self) -> str:
        """The engine: ``local``, ``local:WORKERS`` or ``dask:ADDRESS``; ``LOOPLINE_ENGINE`` overrides the declaration."""
        return _place("ENGINE", self.declaration.workspace.engine)


def _place(name: str, declared: str) -> str:
    """An address with its environment variables filled in; the value is used, never kept."""
    # An empty variable counts as none: pipelines fill a secret that is not set with nothing.
    return resolve(os.environ.get(f"LOOPLINE_{name}") or declared, where=f"workspace.{name.lower()}")


def find_folder(start: Path) -> Path:
    """The nearest folder, from here upwards, that holds a ``loopline.yaml``.

    Raises
    ------
    Mistake
        When there is none.
    """
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    remedy = "start one with: loopline init DATA --target COLUMN, or name its folder with --folder"
    raise Mistake(f"there is no {FILE} here or in any folder above", where=str(start), remedy=remedy)


def load(folder: Path) -> Project:
    """The project declared in a folder.

    Raises
    ------
    Mistake
        Naming file, line, field, what was wrong and the nearest right word.
    """
    file = folder / FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Mistake(f"there is no {FILE}", where=str(folder), remedy="start one with: loopline init DATA --target COLUMN") from None
    except UnicodeDecodeError as error:
        raise Mistake("the file is not UTF-8 text", where=f"{file}, byte {error.start}", remedy="save it as UTF-8") from None
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", where=str(file), remedy="check its permissions") from None
    return Project(folder, parse(text, file=str(file)), text=text)


def parse(text: str, *, file: str = FILE, beside: Mapping[str, Any] | None = None) -> Declaration:
    """The declaration in a YAML text.

    Parameters
    ----------
    beside
        What is declared beside the charter, where that alone is read of the text.

    Raises
    ------
    Mistake
        Naming file, line, field, what was wrong and the nearest right word.
    """
    values, lines = _read(text, file)
    if beside is not None:
        if "charter" not in values:
            raise Mistake("there is no charter in it", where=file, remedy=f"write it as {FILE} does, below charter:")
        values = {**beside, "charter": values["charter"]}
    return declared(values, lines, file)


def values_of(text: str, *, file: str = FILE) -> dict[str, Any]:
    """What a YAML text of a declaration says, unchecked.

    Raises
    ------
    Mistake
        When it is no YAML, or no project.
    """
    return _read(text, file)[0]


def declared(values: Mapping[str, Any], lines: Mapping[Path_, int] | None = None, file: str = FILE) -> Declaration:
    """The declaration that plain values say.

    Parameters
    ----------
    lines
        Where each field stands in the file.

    Raises
    ------
    Mistake
        Naming field, what was wrong and the nearest right word.
    """
    lines = lines or {}
    try:
        return Declaration.model_validate(values)
    except ValidationError as error:
        raise _mistake(error, lines, file) from None
    except Mistake as mistake:
        path = _known([int(part) if part.isdigit() else part for part in mistake.where.split(".")], lines)
        raise Mistake(f"{mistake.where}: {mistake.what}", where=f"{file}, line {lines.get(path, 1)}", remedy=mistake.remedy) from None


@lru_cache(maxsize=4)
def _all_lines(text: str) -> dict[Path_, int]:
    return _read(text, FILE)[1]


def line_of(text: str, field: str) -> int:
    """The line of a declaration's text on which a field stands, as in ``data.contract.pages.max``; the nearest one above it where it is not said.

    Raises
    ------
    Mistake
        When the text is no declaration.
    """
    lines = _all_lines(text)
    return lines.get(_known([int(part) if part.isdigit() else part for part in field.split(".")], lines), 1)


def _read(text: str, file: str) -> tuple[dict[str, Any], dict[Path_, int]]:
    """What a YAML text says, and the line of each field."""
    try:
        node, construct = _composed(text)
        lines = dict(_lines(node, (), file)) if node is not None else {}
        values = construct(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        _refuse_yaml(error, text, file)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        said = " ".join(str(error).split())[:120] or "it refers to itself"
        raise Mistake(
            f"this is not YAML: {said}", where=file, remedy="write it as plain text, without control characters and without *aliases of themselves"
        ) from None
    if not isinstance(values, dict):
        raise Mistake("a project and its parts are expected", where=file, remedy="start one with: loopline init DATA --target COLUMN")
    return values, lines


def _composed(text: str) -> tuple[yaml.Node | None, Callable[[yaml.Node], Any]]:
    """A text's node, and what makes values of it."""
    # It takes 6 ms where libyaml takes 0.4; but that one takes a few signs otherwise, and has fewer words for what is wrong.
    if not _TAKEN_OTHERWISE.search(text):
        with suppress(yaml.YAMLError, UnicodeEncodeError):
            return (quick := _Quick(text)).get_single_node(), quick.construct_document
    return (loader := Loader(text)).get_single_node(), loader.construct_document


class Loader(yaml.SafeLoader):
    """YAML 1.2's booleans: yes, no, on and off are words, as outcomes often are."""


class _Quick(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same by libyaml, where PyYAML has it."""


Loader.yaml_implicit_resolvers = _Quick.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def _lines(node: yaml.Node, path: Path_, file: str) -> Iterator[tuple[Path_, int]]:
    """The line (from 1) of every field and item."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise Mistake("a field's name must be a word", where=f"{file}, line {key.start_mark.line + 1}", remedy="write it as name: value")
            if key.value in seen:
                raise Mistake(f"{key.value!r} is said twice", where=f"{file}, line {key.start_mark.line + 1}", remedy="keep one of them")
            seen.add(key.value)
            yield from _lines(value, (*path, key.value), file)
            yield (*path, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, (*path, index), file)


def _refuse_yaml(error: yaml.MarkedYAMLError, text: str, file: str) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    line = 0 if mark is None else mark.line
    lines = text.splitlines()
    if any("\t" in part[: len(part) - len(part.lstrip())] for part in lines[max(0, line - 1) : line + 1]):
        tabbed = next(number for number in range(max(0, line - 1), len(lines)) if "\t" in lines[number])
        raise Mistake("a tab indents the line", where=f"{file}, line {tabbed + 1}", remedy="YAML wants spaces: replace each tab by two spaces") from None
    column = 0 if mark is None else mark.column + 1
    raise Mistake(f"this is not YAML: {error.problem or error.context}", where=f"{file}, line {line + 1}, column {column}", remedy="mend the line") from None


def _mistake(error: ValidationError, lines: Mapping[Path_, int], file: str) -> Mistake:
    """The first thing that is wrong, with its line and the nearest right word; a mistyped name comes before what it leaves missing."""
    found = error.errors(include_url=False)
    # What takes a text or a number is told of each of the two; that a number has no end is what is wrong with it.
    first = min(found, key=lambda one: one["type"] not in ("extra_forbidden", "finite_number"))
    path = _known(first["loc"], lines)
    field = ".".join(str(part) for part in path) or "the file"
    said, remedy = wrong(first)
    what = f"{field}: {said}"
    if first["type"] == "extra_forbidden":
        words = sorted(_words(Declaration, path[:-1]))
        near = get_close_matches(str(path[-1]), words, n=1, cutoff=0.5)
        what = f"{field}: there is no such field"
        remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(words)}"
    elif first["type"] == "missing":
        what = f"{'.'.join(str(part) for part in first['loc'])} is missing"
        remedy = f"add {first['loc'][-1]}: under {field}" if path else f"add {first['loc'][-1]}:"
    elif first["type"] == "literal_error":
        words = re.findall(r"'([^']+)'", first["msg"])
        near = get_close_matches(str(first["input"]), words, n=1)
        what = f"{field}: {first['input']!r} is not one of {', '.join(words)}"
        remedy = f"did you mean {near[0]!r}?" if near else "use one of them"
    elif first["type"] == "model_type" and (words := sorted(_words(Declaration, path))):
        remedy = f"write each as name: value; there are: {', '.join(words)}"
    more = len({one["loc"] if one["type"] == "missing" else _known(one["loc"], lines) for one in found}) - 1
    if more:
        remedy = f"{remedy} ({more} more after it)".strip()
    return Mistake(what, where=f"{file}, line {lines.get(path, 1)}", remedy=remedy)


def _known(loc: Sequence[str | int], lines: Mapping[Path_, int]) -> Path_:
    """The longest beginning of a location that stands in the file: pydantic adds the names of a union's members.

    A contract's columns may stand in it without the word for them.
    """
    path: Path_ = ()
    for part in loc:
        if (*path, part) not in lines:
            if part == "columns":
                continue
            break
        path = (*path, part)
    return path


def _words(model: type[Spec], path: Path_) -> set[str]:
    """The field names that a part of the declaration knows."""
    schema = model.model_json_schema()
    node: Any = schema
    for part in path:
        node = _resolved(node, schema)
        node = node.get("properties", {}).get(part) or node.get("additionalProperties") or node.get("items") or {}
    return set(_resolved(node, schema).get("properties", {}))


def _resolved(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    for choice in (node, *node.get("anyOf", ())):
        if "$ref" in choice:
            target: Mapping[str, Any] = schema["$defs"][choice["$ref"].rsplit("/", 1)[1]]
            return target
    return node


def schema() -> dict[str, Any]:
    """The JSON schema of ``loopline.yaml``, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Declaration.model_json_schema(), "title": FILE}
