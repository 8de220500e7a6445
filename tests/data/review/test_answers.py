"""Questions about what is refused, odd or inferred, and what the answers come to."""

import json

import polars as pl
import pytest

from loopline.data.ingest import ingest_file
from loopline.data.quarantine.quarantine import Filter
from loopline.data.quarantine.replay import replay
from loopline.data.review.answers import WORDS, Answer, effect_of, enter_written, parse_answer, take, waiting
from loopline.data.review.offered import offered
from loopline.data.review.questions import questions
from loopline.data.spec import ColumnSpec
from loopline.errors import Mistake
from tests.data.conftest import opened

ANSWERS = [
    ("accept", Answer("accept")),
    (" Refuse ", Answer("refuse")),
    ("rule: max: 12", Answer("rule", "max: 12")),
    ("rule max: 12", Answer("rule", "max: 12")),
    ("RELABEL:yes", Answer("relabel", "yes")),
    ("relabel: 10:30", Answer("relabel", "10:30")),
    ("relabel", Answer("relabel")),
    ("", None),
    ("skip", None),
]


@pytest.mark.parametrize(("text", "want"), ANSWERS)
def test_answers_are_read(text, want):
    assert parse_answer(text) == want


@pytest.mark.parametrize("text", ["yes", "rule", "rule:", "accept it", "refused"])
def test_what_is_no_answer_is_told(text):
    with pytest.raises(Mistake, match="row 3"):
        parse_answer(text, where="row 3")


@pytest.fixture
def shop(room):
    return filled(room)


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """A shop that nobody changes."""
    with opened(tmp_path_factory.mktemp("shop")) as room:
        yield filled(room)


def filled(room):
    room.contract = {
        "pages": {"type": "integer", "min": 0, "max": 60},
        "minutes": {"type": "number", "min": 0, "max": 40, "severity": "warn"},
        "source": {"type": "category", "values": ["mail", "search", "London", "Lodnon"]},
        "bought": {"type": "category"},
        "code": {"type": "text", "pattern": "[a-z]+"},
    }

    def delivery(name, first, changes):
        rows = {
            number: [number, number % 20, number % 30, ("mail", "search", "London")[number % 3], ("yes", "no")[number % 2], "abc"]
            for number in range(first, first + 150)
        }
        for number, cells in changes.items():
            rows[number] = [{**dict(enumerate(rows[number])), **cells}[at] for at in range(6)]
        text = "\n".join(",".join(map(str, row)) for row in rows.values())
        return ingest_file(room.workspace, room.data, room.write(name, f"id,pages,minutes,source,bought,code\n{text}\n"))["batch"]

    delivery("1.csv", 1, {4: {1: 72}, 5: {1: 75}, 6: {3: "advert"}, 7: {3: "advert"}, 8: {5: "A1"}, 9: {2: 9999}})
    delivery("2.csv", 201, {201: {3: "Lodnon"}, 202: {4: "maybe"}, 203: {1: "x"}})
    return room


def asked(room, **wanted):
    found = [one for one in questions(room.workspace, room.data) if all(getattr(one, name) == value for name, value in wanted.items())]
    assert len(found) == 1, [(one.kind, one.column, one.rule, one.value) for one in questions(room.workspace, room.data)]
    return found[0]


def effect(room, question, text):
    return effect_of(room.workspace, room.data, question, parse_answer(text), by="ann")


def say(room, question, text):
    return take(room.workspace, room.data, [(question, parse_answer(text))], by="ann")


def test_what_is_refused_odd_or_inferred_is_asked(looked_at):
    found = {(one.kind, one.column, one.rule, one.value, one.rows) for one in questions(looked_at.workspace, looked_at.data)}
    assert found == {
        ("refused", "pages", "max", "75", 2),
        ("refused", "source", "values", "advert", 2),
        ("refused", "code", "pattern", "A1", 1),
        ("refused", "pages", "type", "x", 1),
        ("alike", "source", "", "Lodnon", 1),
        ("new", "bought", "", "maybe", 1),
        ("high", "minutes", "", "9999", 1),
        ("inferred", "minutes", "min+max", "from 0 to 40", 1),
    }
    first = asked(looked_at, column="source", kind="refused")
    assert first.asks == "2 rows of visits refused: source is not one of the values. Is 'advert' a right source?"
    assert first.samples[0].endswith("(1.csv, line 7): 6,6,6,advert,yes,abc") or "advert" in first.samples[0]
    assert len(first.ids) == 2


def test_what_was_answered_is_not_asked_again(shop):
    question = asked(shop, column="source", kind="refused")
    done = say(shop, question, "accept")
    assert (done.answers, len(done.amendments)) == (1, 1)
    assert question.digest not in {one.digest for one in questions(shop.workspace, shop.data)}
    (entry,) = shop.workspace.ledger.read(kinds=("answer",))
    assert (entry.actor, entry.key, entry.subject) == ("ann", question.digest, "visits")
    assert (entry.body["asked"], entry.body["column"], entry.body["answer"]) == ("refused", "source", "accept")
    assert "advert" not in json.dumps(dict(entry.body))


@pytest.mark.parametrize(
    ("wanted", "text", "actions"),
    [
        ({"column": "source", "kind": "refused"}, "accept", [("add", "values", "advert")]),
        ({"column": "pages", "rule": "max"}, "accept", [("set", "max", 75.0)]),
        ({"column": "code"}, "accept", [("severity", "severity", {"pattern": "warn"})]),
        ({"column": "pages", "rule": "max"}, "rule: max: 80", [("set", "max", 80)]),
        ({"column": "minutes", "kind": "high"}, "accept", []),
        ({"column": "minutes", "kind": "high"}, "refuse", [("set", "max", 29.0), ("severity", "severity", {"max": "refuse"})]),
        ({"kind": "inferred"}, "refuse", [("severity", "severity", {"min": "refuse", "max": "refuse"})]),
        ({"kind": "inferred"}, "accept", []),
        ({"kind": "alike"}, "relabel", [("map", "clean", {"Lodnon": "London"})]),
        ({"kind": "alike"}, "refuse", [("remove", "values", "Lodnon"), ("severity", "severity", {"values": "refuse"})]),
        ({"kind": "new"}, "accept", []),
        ({"kind": "new"}, "refuse", [("rule", "rules", {"check": "bought != 'maybe'", "name": "bought is never maybe, says ann"})]),
    ],
)
def test_answers_become_rules_of_the_contract(looked_at, wanted, text, actions):
    made = effect(looked_at, asked(looked_at, **wanted), text)
    assert [(one.action, one.field, one.value) for one in made.amendments] == actions
    assert all(one.why.startswith("ann, 20") for one in made.amendments)
    assert not made.mends
    assert not made.discards


def test_refused_rows_are_relabelled_or_given_up(shop):
    done = say(shop, asked(shop, column="source", kind="refused"), "relabel: mail")
    assert (done.mended, done.relabelled) == (2, 0)
    assert replay(shop.workspace, shop.data, Filter(), by="ann").accepted == 2
    assert shop.rows().filter(pl.col("id").is_in([6, 7]))["source"].to_list() == ["mail", "mail"]
    assert say(shop, asked(shop, column="pages", rule="max"), "refuse").discarded == 2
    assert shop.refused().filter(state="discarded")["by"].to_list() == ["ann", "ann"]


def test_a_value_that_the_contract_refuses_is_no_answer(shop):
    question = asked(shop, column="source", kind="refused")
    with pytest.raises(Mistake, match="the contract of visits allows mail, search, London, Lodnon in source, and not 'perhaps'") as caught:
        say(shop, question, "relabel: perhaps")
    assert caught.value.where == question.id and asked(shop, column="source", kind="refused") == question


def test_an_outcome_of_an_accepted_row_is_relabelled_at_once(shop):
    done = say(shop, asked(shop, kind="new"), "relabel: yes")
    assert (done.mended, done.relabelled) == (0, 1)
    assert shop.rows().filter(id=202)["bought"].item() == "yes"
    assert say(shop, asked(shop, kind="high"), "relabel: 30").relabelled == 1


@pytest.mark.parametrize(
    ("wanted", "text", "why"),
    [
        ({"column": "pages", "rule": "type"}, "accept", "cannot be waived"),
        ({"column": "pages", "rule": "max"}, "relabel: 8", "rows with several values"),
        ({"kind": "inferred"}, "relabel: 8", "not about one"),
        ({"kind": "new"}, "relabel", "the value that is right is to be said"),
        ({"kind": "new"}, "rule: maxx: 1", "a column has no rule"),
        ({"kind": "alike"}, "relabel: perhaps", "the contract of visits allows mail, search, London, Lodnon in source, and not 'perhaps'"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_and_nothing_is_done(looked_at, wanted, text, why):
    fits = asked(looked_at, column="source", kind="refused")
    with pytest.raises(Mistake, match=why):
        take(looked_at.workspace, looked_at.data, [(fits, Answer("relabel", "mail")), (asked(looked_at, **wanted), parse_answer(text))], by="ann")
    assert not looked_at.workspace.ledger.read(kinds=("answer", "mend", "discard"))


def test_a_question_offers_what_fits_it_and_says_what_each_answer_does(looked_at):
    more = {"relabel": "relabel: 7", "rule": "rule: max: 12"}
    for question in questions(looked_at.workspace, looked_at.data):
        words = offered(question, looked_at.data.contract_of("visits").columns.get(question.column, ColumnSpec()))
        assert {"refuse", "rule"} <= set(words) and len(set(words.values())) == len(words)
        for word in WORDS:
            fits = True
            try:
                effect(looked_at, question, more.get(word, word))
            except Mistake as mistake:
                # Another value would do: the contract refuses just this one.
                fits = "the contract of visits allows" in mistake.what
            assert fits == (word in words), (question, word)
    inferred = offered(asked(looked_at, kind="inferred"), ColumnSpec())
    assert list(inferred.items())[:2] == [("refuse", "Yes: refuse rows with other values"), ("accept", "No: go on only counting them")]


def test_amendments_wait_until_they_are_written(shop):
    say(shop, asked(shop, kind="inferred"), "refuse")
    say(shop, asked(shop, column="pages", rule="max"), "accept")
    amendments, entries = waiting(shop.workspace)
    assert [one.column for one in amendments] == ["minutes", "pages"]
    enter_written(shop.workspace, entries[:1], file="loopline.yaml", by="ann")
    assert [one.column for one in waiting(shop.workspace)[0]] == ["pages"]
    enter_written(shop.workspace, (), file="loopline.yaml", by="ann")


def test_nothing_is_asked_where_nothing_is_there(room):
    assert questions(room.workspace, room.data) == []
    with pytest.raises(Mistake, match="the sources are: visits"):
        questions(room.workspace, room.data, table="vists")
