"""What takes longer than a page may is worked out once, and what went wrong is tried again."""

from __future__ import annotations

from threading import Event

import pytest

from loopline.errors import Mistake
from loopline.web.beside import Beside


def test_a_page_does_not_wait_and_the_next_one_finds_what_was_made():
    beside, done, made = Beside(), Event(), []

    def make() -> int:
        done.wait(5)
        made.append(1)
        return 7

    assert beside.ask("a", make, wait_s=0.01) == beside.ask("a", make, wait_s=0.01) == (None, False)
    done.set()
    assert beside.ask("a", make, wait_s=5) == beside.ask("a", make) == (7, True)
    assert len(made) == 1


def test_what_went_wrong_is_told_and_tried_again():
    beside, tries = Beside(), []

    def make() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise Mistake("not yet")
        return "there"

    with pytest.raises(Mistake, match="not yet"):
        beside.ask("a", make, wait_s=5)
    assert beside.ask("a", make, wait_s=5) == ("there", True)


def test_the_oldest_is_let_go():
    beside = Beside(most=1)
    assert [beside.ask(key, lambda key=key: key, wait_s=5)[0] for key in ("a", "b")] == ["a", "b"]
    assert beside.ask("a", lambda: "anew", wait_s=5) == ("anew", True)


def test_so_many_may_wait_and_what_is_let_go_is_not_worked_out():
    beside, done, made = Beside(most=2, waiting=3), Event(), []

    def make(key: str) -> str:
        done.wait(5)
        made.append(key)
        return key

    for key in ("a", "b", "c"):
        assert beside.ask(key, lambda key=key: make(key), wait_s=0.01) == (None, False)
    beside.ask("d", lambda: make("d"), wait_s=0.01)
    with pytest.raises(Mistake, match="too much is being worked out already; try again"):
        Beside(waiting=0).ask("e", lambda: 1)
    done.set()
    assert beside.ask("d", lambda: make("d anew"), wait_s=5) == ("d", True)
    assert "b" not in made and "d" in made
