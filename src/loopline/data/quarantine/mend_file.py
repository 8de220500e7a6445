"""Rows of the quarantine as a file for a spreadsheet, and back: the cells by their columns, to be mended there."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from loopline.data.quarantine.cells import text
from loopline.data.quarantine.mending import Key, current_cells, find_all
from loopline.data.quarantine.mends import Values
from loopline.data.quarantine.quarantine import ID, id_of
from loopline.data.quarantine.recheck import place_of, standing
from loopline.data.spec import OWN, DataSpec
from loopline.errors import Fault, Mistake
from loopline.workspace import Workspace

ENDINGS = (".csv", ".jsonl", ".parquet", ".xlsx")
_OWN = (f"{OWN}id", f"{OWN}table", f"{OWN}state", f"{OWN}source", f"{OWN}line", f"{OWN}reasons", f"{OWN}raw")
"""The columns beside the cells; no source has such names."""


def ending_of(path: Path) -> str:
    """The ending that says how a file is written.

    Raises
    ------
    Mistake
        When it is none of `ENDINGS`.
    """
    if path.suffix.lower() not in ENDINGS:
        raise Mistake(f"a file of rows to mend is no {path.suffix or 'file without an ending'}", where=str(path), remedy=f"end it with {', '.join(ENDINGS)}")
    return path.suffix.lower()


def sheet(workspace: Workspace, data: DataSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the quarantine with their cells by column, as they are by now; all texts."""
    parts = []
    for (table, batch), mine in rows.group_by("table", "batch", maintain_order=True):
        held = standing(workspace, data, str(table))
        if batch not in held.held and batch not in held.owed:
            # What an edit brought, and the contract refuses, is edited again.
            continue
        place = place_of(workspace, data, held, str(table), str(batch))
        columns, current, _ = current_cells(workspace, place, mine)
        cells = pl.DataFrame([current.get(line, {}) for line in mine["line"]], schema=dict.fromkeys(columns, pl.String()))
        own = mine.select(
            ID.alias(_OWN[0]),
            pl.col("table").alias(_OWN[1]),
            pl.col("state").alias(_OWN[2]),
            pl.col("source").alias(_OWN[3]),
            pl.col("line").cast(pl.String).alias(_OWN[4]),
            pl.col("reasons").list.join("; ").alias(_OWN[5]),
            pl.col("raw").alias(_OWN[6]),
        )
        parts.append(pl.concat([own, cells], how="horizontal"))
    if not parts:
        return pl.DataFrame(schema=dict.fromkeys(_OWN, pl.String()))
    together = pl.concat(parts, how="diagonal")
    return together.select(*_OWN[:6], pl.exclude(_OWN), _OWN[6])


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write the sheet, by the file's ending.

    Raises
    ------
    Mistake
        When the ending is unknown.
    Fault
        When the file cannot be written.
    """
    kind = ending_of(path)
    try:
        match kind:
            case ".csv":
                # The mark lets spreadsheets see that the letters are UTF-8.
                frame.write_csv(path, include_bom=True)
            case ".jsonl":
                frame.write_ndjson(path)
            case ".parquet":
                frame.write_parquet(path)
            case _:
                _write_excel(frame, path)
    except (OSError, pl.exceptions.PolarsError) as error:
        why = getattr(error, "strerror", None) or "the folder is not there, or cannot be written to"
        raise Fault(f"the file cannot be written ({why})", where=str(path), remedy="give a file in a folder that can be written to") from None


def _write_excel(frame: pl.DataFrame, path: Path) -> None:
    made = io.BytesIO()
    workbook = _package("xlsxwriter").Workbook(made, {"strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False})
    page = workbook.add_worksheet("quarantine")
    # Cells that are texts stay as they are written: a code keeps its zeros, and a day is no number.
    plain, bold = workbook.add_format({"num_format": "@"}), workbook.add_format({"bold": True})
    for column, name in enumerate(frame.columns):
        page.write_string(0, column, name, bold)
        for row, value in enumerate(frame[name], start=1):
            if value is None:
                page.write_blank(row, column, None, plain)
            else:
                page.write_string(row, column, value[:32_767], plain)
    page.freeze_panes(1, 1)
    workbook.close()
    path.write_bytes(made.getvalue())


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise Mistake(f"Excel files need the package {name}, which is not installed", remedy=f"pip install {name}, or use .csv") from None


def read(path: Path) -> pl.DataFrame:
    """The rows of a mended sheet, all texts.

    Raises
    ------
    Mistake
        When there is no such file, it is not what its ending says, or it has no column of ids.
    """
    kind = ending_of(path)
    if not path.is_file():
        raise Mistake("there is no such file", where=str(path), remedy="write one: loopline data quarantine export -o FILE")
    try:
        match kind:
            case ".csv":
                frame = _read_csv(path)
            case ".jsonl":
                frame = pl.DataFrame([json.loads(line) for line in path.read_text("utf-8-sig").splitlines() if line.strip()], infer_schema_length=None)
            case ".parquet":
                frame = pl.read_parquet(path)
            case _:
                frame = _read_excel(path)
        frame = frame.select(text(name, dtype) for name, dtype in frame.schema.items())
    except (pl.exceptions.PolarsError, ValueError, TypeError, OSError):
        raise Mistake(f"the file cannot be read as {kind[1:]}", where=str(path), remedy="save it again in the form in which it was exported") from None
    if _OWN[0] not in frame.columns:
        raise Mistake(f"the file has no column {_OWN[0]}", where=str(path), remedy="keep the columns of the export: loopline data quarantine export -o FILE")
    return frame


def _read_csv(path: Path) -> pl.DataFrame:
    """The sheet; spreadsheets of some countries put semicolons between the fields."""
    head = path.read_bytes()[:65_536].decode("utf-8-sig", errors="replace").partition("\n")[0]
    sign = max((",", ";", "\t"), key=head.count)
    return pl.read_csv(path, infer_schema=False, separator=sign, encoding="utf8")


def _read_excel(path: Path) -> pl.DataFrame:
    calamine = _package("python_calamine")
    try:
        rows = calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except (calamine.CalamineError, IndexError) as error:
        raise ValueError(str(error)) from None
    names = [str(name) for name in rows[0]] if rows else []
    texts = [[_as_text(value) for value in row] for row in rows[1:]]
    return pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String()), orient="row")


def _as_text(value: Any) -> str | None:
    if value == "" or value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def said_in(workspace: Workspace, data: DataSpec, frame: pl.DataFrame, *, where: str) -> Mapping[Key, Values]:
    """What a mended sheet says of each row; whether a cell has changed is for the mend to see.

    Raises
    ------
    Mistake
        When an id is no id, stands twice, or names no row.
    """
    columns = [name for name in frame.columns if not name.startswith(OWN)]
    tables = frame[_OWN[1]] if _OWN[1] in frame.columns else pl.Series([None] * frame.height, dtype=pl.String)
    keys = find_all(workspace, data, [(table, id or "") for table, id in zip(tables, frame[_OWN[0]], strict=True)], where=where)
    said: dict[Key, Values] = {}
    for key, row in zip(keys, frame.select(columns).iter_rows(named=True), strict=True):
        if key in said:
            raise Mistake(f"the row {id_of(*key[1:])} stands there twice", where=where, remedy="keep one of them")
        said[key] = row
    return said
