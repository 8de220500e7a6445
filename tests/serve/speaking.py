"""Rows to each protocol and format, and answers from them."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pyarrow as pa

from loopline.serve.media import CSV, JSON, LINES
from loopline.serve.segments import records
from tests.serve.packages import ROW

ROWS = [ROW | {"id": 1}, ROW | {"id": 2, "age": 55, "income": None, "city": "Oslo"}, ROW | {"id": 3, "age": 18, "city": None}]
TYPES = {"id": "INT64", "age": "INT64", "income": "FP64", "city": "BYTES", "at": "BYTES"}


def logged(served, kind="predictions"):
    return {record.get("id", place): record for place, record in enumerate(json.loads(line) for part in records(served.lake.log, kind) for line in part.lines)}


def tensors(rows, **more):
    names = list(dict.fromkeys(name for row in rows for name in row))
    inputs = [{"name": name, "datatype": TYPES[name], "shape": [len(rows)], "data": [row.get(name) for row in rows]} for name in names]
    return {"inputs": inputs, **more}


def columns(said):
    return {one["name"]: one["data"] for one in said["outputs"]}


def written(rows, media):
    """Rows as a body in a format."""
    if media == JSON:
        return json.dumps(rows).encode()
    if media == LINES:
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    frame = pl.DataFrame(rows, schema={"id": pl.Int64, "age": pl.Int64, "income": pl.Float64, "city": pl.String})
    if media == CSV:
        return frame.write_csv().encode()
    out = io.BytesIO()
    frame.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


def understood(answer):
    """The rows of an answer, from its format."""
    media = answer.headers["content-type"].partition(";")[0]
    if media == JSON:
        return answer.json()
    if media == LINES:
        return [json.loads(line) for line in answer.content.splitlines()]
    if media == CSV:
        return [{**row, "score": float(row["score"])} for row in csv.DictReader(io.StringIO(answer.text))]
    return pa.ipc.open_stream(answer.content).read_all().to_pylist()


def native(client, rows):
    return client.post("/v1/predict", json={"rows": rows}).json()["predictions"]
