"""What Loopline's server is held against: a small Starlette app over onnxruntime, as one writes it by hand, without a log.

MODEL=model.onnx uvicorn bench.bare:app
"""

from __future__ import annotations

import os

import numpy as np
import onnxruntime
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
INPUTS = [(one.name, object if "string" in one.type else np.float32) for one in session.get_inputs()]
OUTPUT = [session.get_outputs()[0].name]


async def predict(request: Request) -> JSONResponse:
    """Score one row."""
    row = await request.json()
    scores = session.run(OUTPUT, {name: np.array([[row[name]]], dtype=kind) for name, kind in INPUTS})[0]
    return JSONResponse({"p": float(scores[0, 0])})


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
