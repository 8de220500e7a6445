"""What a probe found, in figures and words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopline.data.probe.probe import Probed, measure_of, measured, percentile


def test_a_measure_tells_rates_and_latencies() -> None:
    one = measure_of([[1_000] * 99, [500_000]], 0.5, operation="read", access="random", block_bytes=4096, depth=2)
    assert (one.requests, one.per_s, one.p50_us, one.p99_us) == (100, 200.0, 1.0, 1.0)
    assert one.mb_per_s == 200 * 4096 / 1e6
    assert one.as_json()["name"] == "random read, 4 KiB, depth 2"
    assert measure_of([[5]], 1, operation="head", block_bytes=0, depth=1).name == "head"
    assert measure_of([], 0, operation="get", block_bytes=1 << 20, depth=1).per_s == 0


def test_a_probe_is_found_again_in_its_body() -> None:
    one = measure_of([[1]], 1, operation="put", block_bytes=1 << 20, depth=1)
    body = Probed(place="s3://b", roles=("lake",), kind="store", measures=(one,)).as_json()
    assert body["for"] == ["lake"] and measured(body)["put, 1 MiB, depth 1"]["p50_us"] == 0.0


@given(st.lists(st.floats(0, 1e9), min_size=1), st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_a_value_that_the_share_does_not_exceed(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= int(share * 100) * len(ordered) / 100
