"""``loopline data convert``: from any format to any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from loopline.cli.output import LiveProgress, emit, hint, json_option

if TYPE_CHECKING:
    from loopline.data.convert.convert import Converted

_FORMATS = ("csv", "json", "jsonl", "parquet", "arrow", "excel", "delta")
_SHOWN_LOSSES = 20


@click.command()
@click.argument("source", metavar="IN")
@click.argument("place", metavar="OUT")
@click.option("--to", metavar="FORMAT", help="What OUT is: csv, json, jsonl, parquet, arrow, excel, delta, sqlite, postgresql; told by its name by default.")
@click.option("--into", metavar="TABLE", help="The table to write, where OUT is a database; named like IN by default.")
@click.option("--from", "form", type=click.Choice(_FORMATS), help="What IN is; found out by default.")
@click.option("--table", metavar="NAME", help="The table to read, where IN is a database.")
@click.option("--query", metavar="SQL", help="The query to read, where IN is a database.")
@click.option("--sheet", metavar="NAME", help="The sheet to read, by its name or its number from 1; the first one with cells by default.")
@click.option("--records", metavar="PATH", help="Where the records of a JSON document stand, such as features[*]; found by default. A . is the whole document.")
@click.option("--separator", metavar="SIGN", help="What stands between the fields of a CSV; found out by default.")
@click.option("--encoding", metavar="NAME", help="The encoding of a text file; found out by default.")
@click.option("--skip", type=click.IntRange(min=0), default=0, show_default=True, help="How many lines or rows at the top to pass over.")
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of an object store, or a header for a web server; may come several times."
)
@click.option("--force", is_flag=True, help="Replace what OUT holds.")
@json_option
def convert(
    source: str,
    place: str,
    to: str | None,
    into: str | None,
    form: str | None,
    table: str | None,
    query: str | None,
    sheet: str | None,
    records: str | None,
    separator: str | None,
    encoding: str | None,
    skip: int,
    options: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Write what IN holds to OUT, in another format.

    IN is a file (packed or not), the folder of a Delta table, a URL (https://, s3://, gs://, az://), or a database (sqlite:///FILE, postgresql://, mysql://).
    OUT is a file, a folder for a Delta table, sqlite:///FILE or postgresql://.

    Types are kept; those of a CSV are found over the whole file. Records that cannot be read go to OUT.refused.jsonl, with their lines and reasons. What
    would come back otherwise from OUT is looked for in the data, and said.
    """
    from loopline.data.convert.convert import convert as converted
    from loopline.data.convert.convert import outlet, source_of

    said = {"format": form, "table": table, "query": query, "sheet": sheet, "records": records, "separator": separator, "encoding": encoding}
    asked = source_of(source, **said, skip=skip or None, options=_options(options))
    with LiveProgress(quiet=as_json) as progress:
        done = converted(asked, outlet(place, to=to, into=into, source=table or source, force=force), progress=progress)
    emit(done.as_json(), lambda: _says(done), as_json)


def _options(said: tuple[str, ...]) -> dict[str, str] | None:
    pairs = [pair.partition("=") for pair in said]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise click.BadParameter(f"{name!r} is no NAME=VALUE", param_hint="--option")
    return {name: value for name, _, value in pairs} or None


def _says(done: Converted) -> str:
    lines = [f"{done.written:,} of {done.read:,} records written to {done.place} ({done.format}, {len(done.columns)} columns)"]
    if done.refused:
        lines.append(f"  {click.style(f'{done.refused:,} refused', fg='yellow')}: {done.refused_file}")
    lines += [f"  {note}" for note in done.notes]
    if done.loses:
        lines.append("  what comes back otherwise:")
        lines += [f"    {loss.column or 'rows'}: {loss.what} ({loss.cells:,})" for loss in done.loses[:_SHOWN_LOSSES]]
        lines += [f"    ... {len(done.loses) - _SHOWN_LOSSES:,} more; see them with --json"] if len(done.loses) > _SHOWN_LOSSES else []
    else:
        lines.append("  nothing is lost")
    is_file = "://" not in done.place
    return "\n".join(lines) + hint(f"loopline init {done.place} --target COLUMN" if is_file and done.format in ("csv", "parquet") else "")
