"""Work that is done ahead of the one who asks for it, and behind."""

import threading

import pytest

from loopline.data.formats.ahead import Behind, ahead, mapped


def test_items_come_in_their_order():
    assert list(ahead(iter(range(50)))) == list(range(50))
    assert list(mapped(lambda number: number * 2, range(50))) == list(range(0, 100, 2))


def test_what_making_an_item_raises_comes_where_the_item_would_have():
    def items():
        yield 1
        raise ValueError("no third")

    for made in (ahead(items()), mapped(lambda number: number, items())):
        got = []
        with pytest.raises(ValueError, match="no third"):
            got.extend(made)


def test_work_behind_is_done_in_its_order_while_others_wait():
    done, free = [], threading.Event()

    def wait():
        free.wait()
        done.append(0)

    with Behind(depth=2) as behind:
        behind.do(wait)
        behind.do(lambda: done.append(1))
        assert done == []
        free.set()
        for number in range(2, 20):
            behind.do(lambda number=number: done.append(number))
        behind.finish()
    assert done == list(range(20))


def test_what_goes_wrong_behind_is_raised_and_the_rest_is_left():
    done = []

    def fail():
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"), Behind(depth=1) as behind:
        behind.do(fail)
        behind.finish()
        done.append("never")
    with pytest.raises(ValueError, match="no room"), Behind(depth=1) as behind:
        for _ in range(5):
            behind.do(fail)
    assert done == []
