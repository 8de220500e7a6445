"""Following the champion: swapped when it is loaded and warm, kept when the next cannot be."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from loopline.errors import Fault, Mistake
from loopline.lake.blobs import Blobs
from loopline.lake.place import Lake
from loopline.ledger.entry import Draft
from loopline.ledger.store import Ledger
from loopline.serve.champion import Champion, pointer, released
from loopline.serve.lookups import pack
from loopline.serve.published import KIND, sheet_of
from tests.serve.packages import LOOKUP, make_package, scorer_of
from tests.signing import vouch

NOW = datetime(2024, 5, 1, tzinfo=UTC)


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
    vouch(ledger, Blobs(lake), first, second)
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

    champion = Champion(find, lambda digest: scorer_of(lake, digest))
    troubles = []
    for _ in range(4):
        champion.look()
        troubles.append(champion.trouble)
        assert champion.scorer is not None
    assert troubles == ["", "the database is away", "the champion could not be loaded (ValueError)", ""]


def test_what_nobody_signed_takes_no_place(ledger, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    signed, unsigned = make_package(lake), make_package(lake, shift=0.1)
    vouch(ledger, Blobs(lake), signed)
    champion = Champion.of(ledger, lake)
    for subject in (signed, unsigned):
        ledger.append(Draft(kind="champion", subject=subject))
        champion.look()
        assert champion.scorer.package == signed
    assert f"package {unsigned[:12]}: it is not signed" in champion.trouble
    vouch(ledger, Blobs(lake), unsigned)
    champion.look()
    assert (champion.scorer.package, champion.trouble) == (unsigned, "")


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


def publish(ledger, lake, scorer, amount):
    (lookup,) = scorer.lookups.all
    table = pl.DataFrame({"city": ["Bern"], "since": [datetime(2024, 1, 1)], "amount": [amount]})
    sheet, _ = sheet_of(table.lazy(), lookup, {column.name: column for column in scorer.signature.columns}, version=1)
    ledger.append(Draft(kind=KIND, subject=lookup.digest, body={"blob": Blobs(lake).put(pack(sheet))}))


def test_a_champion_that_looks_up_waits_until_it_is_published_and_follows_what_is_published(ledger, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    package, before = make_package(lake, lookup=LOOKUP), make_package(lake)
    vouch(ledger, Blobs(lake), package, before)
    champion = Champion.of(ledger, lake)
    ledger.append(Draft(kind="champion", subject=before))
    champion.look()
    ledger.append(Draft(kind="champion", subject=package))
    champion.look()
    assert champion.scorer.package == before
    assert "the values of lookup 'incomes' have not been published yet; loopline run" in champion.trouble
    scorer = scorer_of(lake, package)
    for amount in (1000.0, 2000.0):
        publish(ledger, lake, scorer, amount)
        champion.look()
        assert (champion.scorer.package, champion.trouble) == (package, "")
        (made,), problems = champion.scorer.score([{"age": 30, "city": "Bern", "at": "2024-02-01T00:00:00"}], NOW)
        assert (problems, made.row["income"]) == ([], amount)
    kept = champion.scorer.lookups.published["incomes"]
    ledger.append(Draft(kind=KIND, subject=scorer.lookups.all[0].digest, body={"blob": "0" * 64}))
    champion.look()
    assert "there is no blob" in champion.trouble
    assert champion.scorer.lookups.published["incomes"] is kept
