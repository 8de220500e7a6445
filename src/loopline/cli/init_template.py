"""``loopline init --template``: a charter for a kind of problem, filled from the data where there are any, with the questions that are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from loopline.charter.asked import questions_as_json
from loopline.charter.filling import fill
from loopline.charter.prices import load as load_prices
from loopline.charter.questions import Standing, answers, standings
from loopline.charter.template import Template, template, templates
from loopline.cli.init_charter import book, document, inline, reasons
from loopline.cli.init_data import declared, found_lines, read, section, stem, summary, table_of, title_of
from loopline.cli.output import LiveProgress, emit, hint, table, write_whole
from loopline.data.spec import HIDDEN, SourceSpec
from loopline.errors import Mistake
from loopline.project import FILE, Loader, load, parse

if TYPE_CHECKING:
    import polars as pl

    from loopline.data.proposals.infer import Draft

BOOK_FILE = "prices.yaml"
_NOTHING = ["data:", "  sources: {}    # none yet: say where they lie, as in {customers: {path: customers.csv}}, and loopline run goes on"]
_ORIGINS = {"guess": "a guess", "counted": "counted in the data", "found": "found in the data"}
_NAMED = 12
"""Candidates for the target that are named."""
_GROUPS = range(2, 21)
_TWO = 2


@dataclass(frozen=True)
class Looked:
    """What the data told: the source, what was inferred of it, the names that a template leaves open, and the time that it spans."""

    source: SourceSpec
    draft: Draft
    known: Mapping[str, str]
    span: timedelta | None


def list_templates(as_json: bool) -> None:
    """Print the templates."""
    found = templates()
    data = {"templates": [one.model_dump(mode="json", include={"name", "title", "says", "fits", "fits_not", "task"}) for one in found]}
    text = table(["template", "task", "what it answers"], [(one.name, one.task, one.says) for one in found])
    emit(data, text + hint("loopline init --template NAME"), as_json)


def start(
    name: str,
    data: Path | None,
    target: str | None,
    *,
    time: str | None,
    key: tuple[str, ...],
    title: str | None,
    file: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Write the declaration and the price book of a template, and print its questions."""
    kind = template(name)
    kept = _kept(kind, file, force=force)
    prices = file.parent / BOOK_FILE
    if prices.exists():
        load_prices(BOOK_FILE, file.parent)
    looked = None
    if data is not None:
        with LiveProgress(quiet=as_json) as progress:
            looked = _look(kind, data, file.parent, target, time, key, progress)
    elif target is not None or time is not None or key:
        raise Mistake("--target, --time and --key name columns of the data, and there are none", remedy=f"loopline init DATA --template {name}")
    fields = fill(kind, None if looked is None else looked.known, span=None if looked is None else looked.span)
    called = title_of(title or file.parent.resolve().name or (name if data is None else stem(data)))
    lines = _NOTHING if looked is None or data is None else section(table_of(data), looked.source, looked.draft)
    text = document(called, kind, fields, kept, lines)
    parse(text)
    write_whole(file, text, remedy="give a --folder that can be written to")
    if not prices.exists():
        write_whole(prices, book(fields, date.today()))
    standing = standings(kind, text, prices.read_text(encoding="utf-8"))
    told = {"file": str(file), "project": called, "template": name, "prices": str(prices), "kept": sorted(kept), **questions_as_json(standing)}
    if looked is not None and data is not None:
        told = {**summary(file, called, table_of(data), looked.source, looked.draft), **told}
    emit(told, lambda: _says(kind, file, prices, looked, kept, standing), as_json)


def _kept(kind: Template, file: Path, *, force: bool) -> dict[str, str]:
    """The answers in a declaration of the same template that is written anew; each on one line.

    Raises
    ------
    Mistake
        When there is one already and nothing forces it, or a mistake in it keeps its answers from being read.
    """
    if not file.exists():
        return {}
    if not force:
        raise Mistake(f"there is a {FILE} already", where=str(file.parent), remedy="write it anew with --force, or name another --folder")
    try:
        is_same = load(file.parent).declaration.charter.template == kind.name
    except Mistake as mistake:
        remedy = "; ".join(filter(None, (mistake.remedy, "once it is mended its answers are kept; remove the file to begin without them")))
        raise Mistake(mistake.what, where=mistake.where, remedy=remedy) from None
    said = answers(kind, file.read_text(encoding="utf-8")) if is_same else {}
    return {field: _on_one_line(one) for field, one in said.items()}


def _on_one_line(said: str) -> str:
    """An answer as it is written, or in brackets and quotes what stands in lines of its own; the line that ends a folded text is none of it."""
    if "\n" not in said and said == said.strip():
        return said
    value = yaml.load(said, Loader)  # noqa: S506
    return inline(value.removesuffix("\n") if isinstance(value, str) else value)


def _look(kind: Template, data: Path, folder: Path, target: str | None, time: str | None, key: tuple[str, ...], progress: LiveProgress) -> Looked:
    from loopline.data.proposals.infer import draft
    from loopline.data.proposals.traffic import class_to_act_on, traffic

    source, batch = read(data, folder, progress)
    goal = target or _target(kind, batch, source.nulls)
    found = draft(batch, goal, time=time or _time(kind, batch, goal, source.nulls), key=key, nulls=source.nulls, task=kind.task)
    nulls = (*source.nulls, *found.nulls)
    shares = traffic(batch, found, nulls=nulls).shares
    positive = class_to_act_on(found.target, shares, turned=kind.says_contrary(goal), usual=kind.positive == "usual")
    counted = traffic(batch, found, positive=positive, nulls=nulls)
    classes = tuple(sorted(found.target.classes, key=lambda name: name == positive))
    found = replace(found, target=replace(found.target, positive=positive, classes=classes))
    return Looked(declared(source, found), found, {**counted.said, **_columns(kind, found, batch)}, counted.span)


def _target(kind: Template, batch: pl.DataFrame, nulls: Sequence[str]) -> str:
    """The column that is called as what this kind of problem predicts, and holds such.

    Raises
    ------
    Mistake
        When there is none, with the columns that could be it.
    """
    columns = [name for name in batch.columns if name not in HIDDEN]
    called = kind.find("target", columns)
    fit = next((name for name in called if _could_be(kind, batch[name], nulls)), None)
    if fit is not None:
        return fit
    if called and kind.task != "regression" and len(said := _classes(batch[called[0]], nulls)) == 1:
        what = f"column {called[0]!r} says {said.pop()} in every row: the data hold no case of the other class"
        raise Mistake(what, where="--target", remedy="bring rows of both classes, or name another column with --target")
    among = [name for name in columns if _could_be(kind, batch[name], nulls)] or columns
    more = f" and {len(among) - _NAMED} more" if len(among) > _NAMED else ""
    holds = "numbers" if kind.task == "regression" else "two classes"
    what = f"no column of {holds} is called as what {kind.name} predicts usually is ({', '.join(kind.columns['target'][:4])})"
    if called:
        what = f"column {called[0]!r} is called as what {kind.name} predicts usually is, but it does not hold {holds}"
    raise Mistake(what, where="--target", remedy=f"name it; it could be: {', '.join(among[:_NAMED])}{more}")


def _could_be(kind: Template, values: pl.Series, nulls: Sequence[str]) -> bool:
    """Whether a column holds what this kind of problem predicts: numbers, or two classes."""
    from loopline.data.proposals.infer import typed

    if kind.task == "regression":
        return typed(values, nulls, []).type in ("integer", "number")
    return len(_classes(values, nulls)) == _TWO


def _classes(values: pl.Series, nulls: Sequence[str]) -> set[Any]:
    return set(values.drop_nulls().unique().to_list()) - set(nulls)


def _time(kind: Template, batch: pl.DataFrame, goal: str, nulls: Sequence[str]) -> str | None:
    """A column of dates that is called as the time of such cases; what is none is looked for as without a template."""
    from loopline.data.proposals.infer import typed

    for name in kind.find("time", [name for name in batch.columns if name != goal]):
        if typed(batch[name], nulls, []).type in ("date", "datetime") and not batch[name].null_count():
            return name
    return None


def _columns(kind: Template, found: Draft, batch: pl.DataFrame) -> dict[str, str]:
    """The columns by what they are for, as an expression names them."""
    apart = (found.target.name, found.time, *found.key)
    # No expression can name a column that has the sign by which it names columns.
    usable = [name for name, spec in found.columns.items() if name not in apart and spec.use and "`" not in name]
    amounts = [name for name in kind.find("amount", usable) if found.columns[name].type in ("integer", "number")]
    groups = [name for name in kind.find("group", usable) if batch[name].drop_nulls().n_unique() in _GROUPS]
    named = {"amount": amounts, "group": groups}
    known = {purpose: names[0] if names[0].isidentifier() and not iskeyword(names[0]) else f"`{names[0]}`" for purpose, names in named.items() if names}
    plain = {"target": found.target.name, "time": found.time, "positive": found.target.positive}
    return known | {purpose: name for purpose, name in plain.items() if name is not None}


def question_lines(standing: Sequence[Standing]) -> list[str]:
    """The open questions for a person, by the role that must answer."""
    lines: list[str] = []
    for role in dict.fromkeys(one.entry.question.role for one in standing if one.entry.question is not None and one.is_open):
        lines.append(click.style(role, bold=True))
        for one in standing:
            if one.entry.question is None or one.entry.question.role != role or not one.is_open:
                continue
            stands = "nobody yet" if one.said == "[]" else "not said yet" if one.said is None else f"{one.said} ({_ORIGINS[one.origin or 'guess']})"
            lines += [
                f"  {one.entry.field}: {stands}",
                f"    {one.entry.question.asks}",
                f"    {reasons(one.entry.question)}",
            ]
    return lines


def _says(kind: Template, file: Path, prices: Path, looked: Looked | None, kept: Mapping[str, str], standing: Sequence[Standing]) -> str:
    folder = "" if file.parent == Path(".") else f" --folder {file.parent}"
    head = [f"{file}: {kind.says}; there are no data yet"] if looked is None else found_lines(file, looked.draft)
    count = sum(one.is_open for one in standing)
    lines = [
        *head,
        f"  when {kind.fits}",
        f"  not when {kind.fits_not}",
        f"  prices: {prices}" + (f"; kept as they were answered: {', '.join(sorted(kept))}" if kept else ""),
        f"{count} questions wait for a person; each stands above its field, whose line ends in # ? until it is answered",
        *question_lines(standing),
    ]
    return "\n".join(lines) + hint(f"loopline charter study{folder}" if looked is None else f"loopline run{folder}")
