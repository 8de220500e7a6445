"""Price books and uses for the analysis of cost."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from loopline.charter.cost import Labour, Use
from loopline.charter.prices import Prices
from loopline.value.cost.usage import Measured

LONG: dict[str, Any] = {
    "dated": "2026-09-01",
    "currency": "USD",
    "machine": {
        "purchase": 2400,
        "years": 4,
        "cores": 8,
        "memory": "32 GB",
        "power": {"idle": "30 W", "busy": "110 W"},
        "electricity": "0.3 per kWh",
        "people": {"hours": "1 per month", "rate": "60 per hour"},
    },
    "cloud": {
        "instances": {"small": {"price": "0.03 per hour", "cores": 2, "memory": "4 GB"}, "large": {"price": "0.2 per hour", "cores": 8, "memory": "32 GB"}},
        "storage": "0.02 per GB-month",
        "requests": "0.4 per million",
        "egress": "0.09 per GB",
    },
}


def book(**more: Any) -> Prices:
    return Prices.model_validate({**LONG, **more})


USE = Use(
    decisions=30_000,
    answer=Labour(0.002, 0.002, 3),
    follow=Labour(0.001, 0.001, 2),
    training=Labour(600, 1200, 1e4),
    trainings=2,
    serving_bytes=2e8,
    working_bytes=1e9,
    kept_bytes=3e8,
    logged_bytes=600,
    sent_bytes=300,
)
MEASURED = Measured(USE, ("30,000 decisions a month: charter.volume, 1,000 per day",), ())

books = st.builds(
    lambda owned, cores, rented, small, egress: Prices.model_validate(
        {
            "machine": {"price": f"{owned!r} per hour", "cores": cores},
            "cloud": {
                "instances": {"a": {"price": f"{rented!r} per hour", "cores": small}, "b": {"price": f"{rented * 3!r} per hour", "cores": small * 4}},
                "egress": f"{egress!r} per GB",
            },
        }
    ),
    st.floats(0.01, 2),
    st.integers(1, 32),
    st.floats(0.01, 1),
    st.integers(1, 8),
    st.floats(0, 0.2),
)
uses = st.builds(
    Use,
    decisions=st.floats(100, 1e8),
    answer=st.builds(lambda cpu: Labour(cpu, cpu), st.floats(1e-5, 0.05)),
    follow=st.builds(lambda cpu: Labour(cpu, cpu), st.floats(1e-6, 0.01)),
    training=st.builds(lambda cpu: Labour(cpu, cpu), st.floats(0, 1e4)),
    trainings=st.floats(0, 30),
    sent_bytes=st.floats(0, 1e4),
)
