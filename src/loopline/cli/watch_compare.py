"""``loopline watch compare``: which columns of one file have drifted from those of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopline.cli.output import emit, json_option, table

if TYPE_CHECKING:
    import polars as pl

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("reference", type=_FILE)
@click.argument("current", type=_FILE)
@click.option("--column", "columns", multiple=True, metavar="NAME", help="Look at this column; may be repeated. Without it at all that both files have.")
@click.option("--chance", type=click.FloatRange(1e-6, 0.5), default=0.05, show_default=True, help="Of a false alarm, over all columns together.")
@json_option
@click.pass_context
def compare(ctx: click.Context, reference: Path, current: Path, columns: tuple[str, ...], chance: float, as_json: bool) -> None:
    """Compare two files of any format, column by column; needs no project.

    Exits with 1 where a column has drifted.
    """
    from loopline.watch.compare import compare

    found = compare(_rows(reference), _rows(current), columns=columns, chance=chance)
    drifted = [column.name for column in found if column.has_drifted]

    def shown() -> str:
        head = ("column", "distance", "limit", "nulls before", "nulls now", "")
        lines = [
            (one.name, f"{one.distance:.3f}", f"{one.limit:.3f}", f"{one.nulls[0]:.1%}", f"{one.nulls[1]:.1%}", "drifted" if one.has_drifted else None)
            for one in found
        ]
        says = f"{len(drifted)} of {len(found)} columns have drifted" + (f": {', '.join(drifted)}" if drifted else "")
        return f"{says}\n\n{table(head, lines, right=(1, 2, 3, 4))}"

    emit({"columns": [one.as_json() for one in found], "drifted": drifted, "chance": chance}, shown, as_json)
    ctx.exit(1 if drifted else 0)


def _rows(file: Path) -> pl.LazyFrame:
    """A file's rows; of a Parquet file only what is asked for is read."""
    import polars as pl

    from loopline.data.explore.rows import rows_of_file

    if file.suffix == ".parquet":
        return pl.scan_parquet(file)
    return pl.concat(rows_of_file(file).chunks, how="vertical_relaxed").lazy()
