"""The server's address: taken before anything starts, or said why not."""

from __future__ import annotations

import socket

import pytest

from loopline.errors import Fault, Mistake
from loopline.serve.server import bind, url_of


def test_a_free_port_is_found_and_taken():
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(Fault, match="the port is in use; choose another") as caught:
            bind("127.0.0.1", port)
        assert caught.value.where == f"127.0.0.1:{port}"
    bind("127.0.0.1", port).close()


def test_an_address_of_another_machine_or_none_is_a_mistake():
    with pytest.raises(Mistake, match="no such address"):
        bind("192.0.2.1", 0)
    with pytest.raises(Mistake, match="no host"):
        bind("not a host", 0)


def test_an_address_of_ip_6_is_written_in_brackets():
    try:
        listener = bind("::1", 0)
    except (Mistake, Fault):
        pytest.skip("this machine has no IPv6")
    with listener:
        assert listener.family == socket.AF_INET6
        assert url_of(listener).startswith("http://[::1]:")
