"""What a server needs: never less for more work, and room for a successor beside the champion."""

from hypothesis import given
from hypothesis import strategies as st

from loopline.release.deploy.needs import SERVER_MB, needs

AMOUNTS = st.floats(min_value=0, max_value=1e6)


def gates(memory_mb, latency_ms):
    return {"gates": [{"name": "memory", "value": memory_mb}, {"name": "latency", "value": latency_ms}, {"name": "contract", "value": None}]}


def asked(facts, per_year):
    return needs(facts, memory_allowed_mb=1000, body_mb=16, per_year=per_year)


@given(AMOUNTS, AMOUNTS, st.floats(min_value=0, max_value=1e12))
def test_two_servers_at_least_each_with_room_for_a_successor(memory_mb, latency_ms, per_year):
    found = asked(gates(memory_mb, latency_ms), per_year)
    assert found.memory_mb >= memory_mb + SERVER_MB
    assert found.memory_limit_mb >= 2 * found.memory_mb
    assert 2 <= found.servers < found.servers_most
    assert 0.1 <= found.cores <= 1


@given(AMOUNTS, st.floats(min_value=0, max_value=1e12), st.floats(min_value=1, max_value=100))
def test_more_volume_never_asks_for_less(latency_ms, per_year, times):
    less, more = asked(gates(90.0, latency_ms), per_year), asked(gates(90.0, latency_ms), per_year * times)
    assert more.servers >= less.servers
    # Rounding up to hundredths of each server's processor may add that much for each.
    assert more.servers * more.cores >= less.servers * less.cores - 0.01 * less.servers - 1e-6


def test_what_was_not_measured_takes_what_is_allowed():
    found = asked(None, None)
    assert not found.is_measured
    assert found.memory_mb >= 1000
    assert (found.cores, found.servers) == (0.1, 2)
