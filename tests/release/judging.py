"""Evidence on which every gate passes, to be spoiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from loopline.release.evidence import Evidence
from loopline.release.spec import ReleaseSpec

BILL = {
    "components": [
        {"type": "machine-learning-model", "name": "shop"},
        {"type": "library", "name": "numpy", "version": "2.1.0", "purl": "pkg:pypi/numpy@2.1.0", "licenses": [{"expression": "BSD-3-Clause AND MIT"}]},
        {"type": "library", "name": "onnxruntime", "version": "1.22.0", "purl": "pkg:pypi/onnxruntime@1.22.0", "licenses": [{"license": {"id": "MIT"}}]},
    ]
}


def evidence(**more: Any) -> Evidence:
    good: dict[str, Any] = {
        "package": "aa" * 32,
        "limits": held(),
        "currency": "USD",
        "read": 1000,
        "refused": 100,
        "earned": np.full(100, 3.0),
        "unaided": np.zeros(100),
        "metrics": {"precision": 0.6, "recall": 0.3, "worst_slice(origin).precision": 0.5, "undefined": None},
        "slices": {"worst_slice(origin).precision": "JFK"},
        "latency_ms": np.linspace(0.1, 1, 100),
        "memory_mb": 90.0,
        "parity": {"scores when it was made": 0.1, "metrics on a sample now": 0.0},
        "bill": BILL,
        "signed_by": "ann",
    }
    given = {**good, **more}
    return Evidence(**{"blocks": np.arange(len(given["earned"])), **given})


def held(**gates: Any) -> ReleaseSpec:
    """Limits, with those of some gates declared."""
    return ReleaseSpec.model_validate({"latency_ms": 5, "memory_mb": 200, "refused_share": 0.2, "gates": gates})
