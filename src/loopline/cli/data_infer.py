"""``loopline data infer``: a contract proposed from data, with the evidence for each rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, write_whole
from loopline.data.proposals.written import block, column, comment, said, value, word
from loopline.data.spec_contract import PARTS, ContractSpec, ReferenceSpec, RuleSpec
from loopline.data.spec_source import SourceSpec
from loopline.errors import LooplineError, Mistake
from loopline.project import FILE, Project, find_folder, load

if TYPE_CHECKING:
    import polars as pl

    from loopline.data.proposals.proposal import Proposal, Proposed
    from loopline.data.testing.sample import Sample

_ROWS = 200_000


@click.command()
@click.argument("data", metavar="FILE_OR_SOURCE")
@click.option("-o", "--out", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the proposal to this file instead of printing it.")
@click.option("--strict", is_flag=True, help="Refuse a row that breaks a range, a list of values, a pattern or a rule; otherwise it only warns.")
@click.option("--sample", "rows", default=_ROWS, show_default=True, type=click.IntRange(min=1), help="From how many rows; they are drawn at random.")
@folder_option
@json_option
def command(data: str, output: Path | None, strict: bool, rows: int, folder: Path | None, as_json: bool) -> None:
    """Propose a contract from a file, or from what a declared source holds.

    Types, formats, ranges, values, patterns, keys, rules between columns and references to other tables, each with the rows that speak for it. The YAML
    can be put into loopline.yaml as it is; what a person should decide stands above it. Needs no project where a file is named.
    """
    from loopline.data.proposals.proposal import propose
    from loopline.data.testing.sample import cleaned

    project = _project(folder, data)
    table, source = _source(data, project)
    with LiveProgress(quiet=as_json) as progress:
        sample = _sample(data, table, source, project, rows, progress)
        progress.say(f"looking at {sample.frame.height:,} rows")
        others = _others(table, project, progress)
        declared = project is not None and table in project.declaration.data.sources
        contract = project.declaration.data.contract_of(table) if project is not None and declared else ContractSpec()
        rows_ = cleaned(sample.frame, source, contract)
        found = propose(rows_, nulls=source.nulls, key=source.key, time=source.time, others=others, strict=strict)
    # What is declared of cleaning was done before anything was inferred, and stays.
    kept = {name: spec.model_copy(update={"clean": contract.columns[name].clean}) for name, spec in found.columns.items() if name in contract.columns}
    found = replace(found, columns={**found.columns, **kept})
    is_main = project is None or not declared or table == project.declaration.data.main
    text = _text(table, source, found, sample, is_main=is_main, declared=declared)
    if output is not None:
        write_whole(output, text)
    shown = _shown(table, source, found, sample, text, output)
    emit(shown, lambda: f"{output}: a contract for {table}, from {found.rows:,} rows{hint('loopline data test')}" if output else text.rstrip("\n"), as_json)


def _project(folder: Path | None, data: str) -> Project | None:
    """The project, where there is one; a file needs none."""
    if folder is not None:
        return load(folder.resolve())
    try:
        return load(find_folder(Path.cwd()))
    except Mistake:
        if not Path(data).exists():
            raise
        return None


def _source(data: str, project: Project | None) -> tuple[str, SourceSpec]:
    """The table's name and its source: a declared one, or the file's own."""
    declared = project.declaration.data.sources if project is not None else {}
    if data in declared:
        return data, declared[data]
    path = Path(data)
    if not path.exists():
        names = f"the sources are: {', '.join(declared)}" if declared else "name a file"
        raise Mistake(f"there is no file and no source {data!r}", remedy=names)
    name = path.name.split(".")[0]
    table = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name).strip("_") or "rows"
    return table, SourceSpec(path=data)


def _sample(data: str, table: str, source: SourceSpec, project: Project | None, rows: int, progress: LiveProgress) -> Sample:
    from loopline.data.testing.sample import drawn

    declared = project is not None and table == data and table in project.declaration.data.sources
    folder = project.folder if project is not None and declared else Path.cwd()
    return drawn(source, folder, rows=rows, where=f"data.sources.{table}" if declared else data, progress=progress)


def _others(table: str, project: Project | None, progress: LiveProgress) -> dict[str, dict[str, pl.Series]]:
    """The keys of the other declared tables; a table that cannot be read now is no reference."""
    if project is None:
        return {}
    from loopline.data.testing.visible import Visible, keys_of

    data = project.declaration.data
    seen = Visible(data, project.folder, None)
    found = {}
    for name, source in data.sources.items():
        if name == table:
            continue
        try:
            found[name] = keys_of(seen[name], source, data.contract_of(name))
        except LooplineError as error:
            progress.say(f"source {name} is passed over: {error}")
    return found


def _text(table: str, source: SourceSpec, found: Proposal, sample: Sample, *, is_main: bool, declared: bool) -> str:
    """The proposal as YAML, to be put into `loopline.yaml`."""
    unreadable = [f"{count:,} of {sample.read:,} records cannot be read: {reason}" for reason, count in sample.unreadable.items()]
    drawn = f"{found.rows:,} of {sample.read:,} rows" if found.rows < sample.read else f"{found.rows:,} rows"
    decide = [f"#   - {comment(question)}" for question in (*unreadable, *found.questions)]
    more = _found_of(source, found, sample)
    if not declared:
        more = {"path": source.place, **more}
    lines = [
        f"# Proposed by loopline data infer from {drawn} of {comment(source.place)}. It goes into {FILE}.",
        *(["# For a person to decide:", *decide] if decide else []),
        "data:",
    ]
    if more or not is_main:
        lines += ["  sources:"]
    if is_main:
        lines += [f"    {word(table)}: {value(more)}"] if more else []
        lines += ["  contract:", *_contract(found, 4)]
    else:
        lines += [f"    {word(table)}:", *(f"      {word(name)}: {value(item)}" for name, item in more.items()), "      contract:", *_contract(found, 8)]
    return "\n".join(lines) + "\n"


def _found_of(source: SourceSpec, found: Proposal, sample: Sample) -> dict[str, Any]:
    """What was found out of the source, and is not declared yet."""
    separator = sample.about.get("separator")
    told = {
        "separator": separator if separator not in (None, ",") and source.separator is None else None,
        "encoding": sample.about.get("encoding") if source.encoding is None and sample.about.get("encoding") != "utf-8" else None,
        "key": list(found.key) if not source.key else None,
        "time": found.time if source.time is None else None,
        "nulls": [*source.nulls, *found.nulls] if found.nulls else None,
    }
    return {name: item for name, item in told.items() if item}


def _contract(found: Proposal, indent: int) -> list[str]:
    columns = [(column(name, spec), comment(found.evidence[name])) for name, spec in found.columns.items()]
    nested = any(name in PARTS for name in found.columns)
    space = " " * indent
    lines = [f"{space}columns:", *block(columns, indent=indent + 2)] if nested else block(columns, indent=indent)
    for part, kind in (("rules", RuleSpec), ("references", ReferenceSpec)):
        proposed = [one for one in found.rules if isinstance(one.spec, kind)]
        if proposed:
            lines += [f"{space}{part}:" if any(one.certain for one in proposed) else f"{space}# {part}:", *block(_items(proposed), indent=indent + 2)]
    return lines


def _items(proposed: list[Proposed]) -> Iterator[tuple[str, str]]:
    for one in proposed:
        yield f"{'' if one.certain else '# '}- {value(said(one.spec))}", one.evidence


def _shown(table: str, source: SourceSpec, found: Proposal, sample: Sample, text: str, output: Path | None) -> dict[str, Any]:
    return {
        "table": table,
        "source": source.place,
        "rows": found.rows,
        "read": sample.read,
        "unreadable": sample.refused,
        "refused": dict(found.refused),
        "key": list(found.key),
        "time": found.time,
        "columns": {name: {**said(spec), "evidence": found.evidence[name]} for name, spec in found.columns.items()},
        "rules": [{"check": one.spec.check, "evidence": one.evidence, "certain": one.certain} for one in found.rules if isinstance(one.spec, RuleSpec)],
        "references": [
            {"columns": list(one.spec.columns), "table": one.spec.table, "to": list(one.spec.target), "evidence": one.evidence, "certain": one.certain}
            for one in found.rules
            if isinstance(one.spec, ReferenceSpec)
        ],
        "questions": list(found.questions),
        "yaml": text,
        "file": str(output) if output is not None else None,
    }
