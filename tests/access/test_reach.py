"""Whether only this machine can reach an address."""

from __future__ import annotations

import pytest

from loopline.access.reach import is_loopback


@pytest.mark.parametrize(("host", "own"), [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True)])
def test_loopback_is_known(host, own):
    assert is_loopback(host) is own


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "example.com"])
def test_all_else_can_be_reached(host):
    assert not is_loopback(host)
