"""``loopline score``: a file or table of rows to a file of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option

if TYPE_CHECKING:
    from loopline.serve.files import Delivery


@click.command()
@click.argument("source", metavar="IN")
@click.option("-o", "--out", metavar="OUT", type=click.Path(path_type=Path), required=True, help="The file to write: .csv, .parquet or .jsonl.")
@click.option(
    "--reasons", metavar="N", default=0, show_default=True, type=click.IntRange(0, 100), help="Add columns with so many of each row's strongest reasons."
)
@click.option("--whole-periods", is_flag=True, help="IN has all rows of its days (or what the policy's limit counts by): hold the limit exactly in each.")
@folder_option
@json_option
def command(source: str, out: Path, reasons: int, whole_periods: bool, folder: Path | None, as_json: bool) -> None:
    """Score a file with the champion, or a table of the lake.

    IN is a file of any size, in any format that is read here, or table:NAME or table:NAME@VERSION.

    Columns that are looked up, and that the rows lack, are found as of each row's moment. Rows that the package cannot take
    stand in OUT's folder as NAME.refused.csv, with the reasons. Each prediction is logged like a served one, and what value.holdout holds out
    from the model, or an experiment decides, is the same as there.

    Stopped or killed, the same command goes on from where it was.
    """
    from loopline.lake.blobs import Blobs
    from loopline.loop import open_loop
    from loopline.model.signing import Trust
    from loopline.serve.champion import released
    from loopline.serve.files import score_file
    from loopline.serve.log import Log
    from loopline.serve.scorer import load
    from loopline.value.holdout import apart_of

    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        data, lake = loop.project.declaration.data, loop.workspace.lake
        scorer = load(Blobs(lake), released(loop.state().champion), Trust.of(loop.workspace.ledger))
        scorer.set_apart(apart_of(loop.project.declaration.value.holdout, loop.project.name, loop.workspace.ledger))
        written = {name: column.format for name, column in data.contract.columns.items() if column.format}
        with Log(lake.log) as log:
            like = data.sources[data.main]
            done = score_file(scorer, log, lake, source, out, like=like, written=written, progress=progress, reasons=reasons, whole_periods=whole_periods)
    said = {
        "rows": done.rows,
        "refused": done.refused,
        "out": str(done.out),
        "refused_file": None if done.beside is None else str(done.beside),
        "ignored": list(done.ignored),
        "resumed": done.resumed,
        "seconds": round(done.seconds, 3),
    }
    emit(said, lambda: _say(done), as_json)


def _say(done: Delivery) -> str:
    lines = [f"{done.rows:,} rows, {done.rows - done.refused:,} scored, {done.refused:,} refused: {done.out}"]
    if done.resumed:
        lines.append(f"{done.resumed:,} of them had been done by a run that was stopped")
    if done.beside is not None:
        lines.append(f"refused rows and why: {done.beside}")
    if done.ignored:
        lines.append(f"columns that the package does not know were not read: {', '.join(done.ignored)}")
    return "\n".join(lines) + hint("loopline run")
