"""Scores of a Parquet file as somebody would write them for this one model: Polars, onnxruntime with one thread, and nothing is checked or logged.

python -m bench.scripted FOLDER IN OUT

The folder has a package's graph, `model.onnx`, and in `columns.json` its numbers and categories, the text that stands for null, and the threshold.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl

CHUNK = 20_000
"""As many rows at once as the package's own predictor gives to the graph: the quickest on both sides."""


def score(folder: Path, source: Path, out: Path) -> None:
    """Write key, score and decision of each row."""
    told = json.loads((folder / "columns.json").read_text())
    frame = pl.read_parquet(source)
    numbers = frame.select(told["numbers"]).cast(pl.Float32).to_numpy(order="c")
    categories = frame.select(told["categories"]).fill_null(told["null"]).to_numpy(order="c")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    fed = [{"numbers": numbers[at : at + CHUNK], "categories": categories[at : at + CHUNK]} for at in range(0, len(numbers), CHUNK)]
    scores = np.concatenate([session.run(None, part)[0].reshape(-1) for part in fed])
    decision = np.where(scores >= told["threshold"], "act", "rest")
    frame.select(told["key"], score=pl.Series(scores), decision=pl.Series(decision.tolist())).write_parquet(out)


if __name__ == "__main__":
    score(*map(Path, sys.argv[1:]))
