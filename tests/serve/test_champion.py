"""Following the champion: swapped when it is loaded and warm, kept when the next cannot be."""

from __future__ import annotations

import pytest

from loopline.errors import Fault, Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.serve.champion import Champion, pointer, released
from loopline.serve.scorer import load
from tests.serve.packages import make_package


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as made:
        yield made


def test_the_pointer_is_the_newest_champion_and_an_empty_one_is_none(ledger):
    assert pointer(ledger) is None
    for subject in ("a", "b"):
        ledger.append(Draft(kind="champion", subject=subject), Draft(kind="package", subject="c"))
    assert pointer(ledger) == "b"
    ledger.append(Draft(kind="champion", subject=""))
    assert pointer(ledger) is None


def test_it_follows_and_tells(ledger, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    first, second = make_package(lake), make_package(lake, shift=0.1)
    champion, told = Champion.of(ledger, lake), []
    champion.listen(lambda scorer, trouble: told.append((scorer and scorer.package, trouble)))
    for subject in (None, first, first, second):
        if subject is not None:
            ledger.append(Draft(kind="champion", subject=subject))
        champion.look()
        assert (champion.scorer and champion.scorer.package) == subject
    assert told == [(first, ""), (second, "")]


def test_in_trouble_the_one_before_stays_and_the_trouble_passes(tmp_path):
    lake = Lake(str(tmp_path))
    package = make_package(lake)
    answers = iter([package, Fault("the database is away"), ValueError("unforeseen"), package])

    def find():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    champion = Champion(find, lambda digest: load(Blobs(lake), digest))
    troubles = []
    for _ in range(4):
        champion.look()
        troubles.append(champion.trouble)
        assert champion.scorer is not None
    assert troubles == ["", "the database is away", "the champion could not be loaded (ValueError)", ""]


def test_it_follows_by_itself_until_it_is_stopped(ledger, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    champion = Champion.of(ledger, lake)
    champion.start()
    champion.stop()
    assert champion.scorer is None
    champion.stop()


def test_released_tells_the_remedy():
    assert released("abc") == "abc"
    with pytest.raises(Mistake, match="loopline run"):
        released(None)
