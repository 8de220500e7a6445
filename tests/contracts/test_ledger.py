"""What every ledger keeps, on SQLite and on Postgres alike."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from loopline.errors import Mistake
from loopline.ledger import chain, database, paging
from loopline.ledger.deciding import alone
from loopline.ledger.entry import GENESIS, Draft, Entry, id_of
from loopline.ledger.paging import Question
from loopline.ledger.store import Ledger


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, "flights") as opened:
        yield opened


def step(number: int) -> Draft:
    return Draft(kind="step", subject="data", key=f"k{number}", body={"state": "succeeded", "number": number, "says": "café ☕"})


@contextmanager
def tampering(url: str) -> Iterator[Connection]:
    """A connection of somebody who gets round the database's own guards."""
    engine = sa.create_engine(database.parse(url))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("ALTER TABLE ledger_entries DISABLE TRIGGER ALL"))
            connection.execute(sa.text("ALTER TABLE ledger_head DISABLE TRIGGER ALL"))
        else:
            for (name,) in connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        yield connection
    engine.dispose()


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own that runs the code; it says a line when it is ready and begins when it is sent one."""
    begin = "import sys\nfrom loopline.ledger.store import Ledger\nfrom loopline.ledger.entry import Draft\nprint('ready', flush=True)\nsys.stdin.readline()\n"
    command = [sys.executable, "-c", begin + textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def release(processes: list[subprocess.Popen[str]]) -> None:
    """Lets the processes go, all at once."""
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def test_a_part_of_the_bodies_is_read_without_the_rest(ledger: Ledger) -> None:
    said = {"criteria": [1, None, {"says": 'a "b" café ☕', "passed": False, "value": 1e-7}], "facts": {"other": 1}}
    first, _, last = ledger.append(Draft(kind="review", body=said), step(1), Draft(kind="review", body={"other": 2}))
    for name, value in said.items():
        assert ledger.parts(name, kinds=("review",)) == [(first.time, value), (last.time, None)]
    assert ledger.beside("other").parts("criteria", kinds=("review",)) == []


def test_what_is_appended_is_what_is_read(ledger: Ledger) -> None:
    drafts = [
        step(1),
        Draft(kind="approval", subject="p1", body={"role": "business", "at": 1e-7, "list": (1, None)}, parents=("1-abc",), actor="owner@example.com"),
    ]
    appended = ledger.append(*drafts)
    appended += ledger.append(step(2))
    assert ledger.read() == appended
    first, second, third = appended
    assert [entry.seq for entry in appended] == [1, 2, 3]
    assert (first.prev_hash, second.prev_hash, third.prev_hash) == (GENESIS, first.hash, second.hash)
    assert first.id == id_of(1, first.hash)
    assert second.parents == ("1-abc",) and second.actor == "owner@example.com" and second.body["list"] == [1, None]
    assert first.time == second.time and abs(datetime.now(UTC) - first.time) < timedelta(minutes=1)


def test_an_append_is_all_or_nothing(ledger: Ledger) -> None:
    with pytest.raises(Mistake, match="cannot be written"):
        ledger.append(step(1), Draft(kind="step", body={"loss": float("nan")}))
    assert ledger.read() == []
    assert ledger.append() == []


@pytest.mark.parametrize(
    "draft", [Draft(kind="a\0b"), Draft(kind="a", subject="\ud800"), Draft(kind="a", body={"x": "\udfff"}), Draft(kind="a", body={"x": {1, 2}})]
)
def test_what_cannot_be_stored_is_refused(ledger: Ledger, draft: Draft) -> None:
    with pytest.raises(Mistake):
        ledger.append(draft)
    assert ledger.verify() == chain.Verdict(0, True)


def test_a_text_with_nul_in_a_body_is_kept(ledger: Ledger) -> None:
    (entry,) = ledger.append(Draft(kind="note", body={"text": "a\0b"}))
    assert ledger.read() == [entry]


def test_reading_by_each_condition(ledger: Ledger, ledger_url: str) -> None:
    ledger.append(step(1), Draft(kind="trial", subject="s", key="k1"), Draft(kind="look"), step(2))
    with Ledger.open(ledger_url, "other") as other:
        other.append(step(9))
    late = ledger.append(step(3))[0]

    def seqs(**conditions: object) -> list[int]:
        return [entry.seq for entry in ledger.read(**conditions)]  # type: ignore[arg-type]

    assert seqs() == [1, 2, 3, 4, 6]
    assert seqs(all_projects=True) == [1, 2, 3, 4, 5, 6]
    assert seqs(kinds=["trial", "look"]) == [2, 3]
    assert seqs(subject="data") == [1, 4, 6]
    assert seqs(subject="") == [3]
    assert seqs(key="k1") == [1, 2]
    assert seqs(key="k") == []
    assert seqs(key="") == [3]
    assert seqs(kinds=["trial"], subject="s", key="k1") == [2]
    assert seqs(after=3) == [4, 6]
    assert seqs(newest_first=True, limit=2) == [6, 4]
    assert seqs(ids=[late.id, "1", f"4-{'0' * 12}"]) == [6]
    assert seqs(until=late.time) == [1, 2, 3, 4, 6]
    assert seqs(since=late.time)[-1] == 6
    assert seqs(since=late.time + timedelta(microseconds=1)) == []
    assert seqs(until=late.time - timedelta(microseconds=1)) == [1, 2, 3, 4]
    assert seqs(until=(late.time - timedelta(microseconds=1)).replace(tzinfo=None)) == [1, 2, 3, 4]


def test_the_newest_are_paged_through_by_what_is_asked(ledger: Ledger, ledger_url: str) -> None:
    early = ledger.append(step(1), Draft(kind="trial", subject="s", actor="ann"), step(2))
    with Ledger.open(ledger_url, "other") as other:
        other.append(step(9))
    late = ledger.append(Draft(kind="note", subject="s", body={"text": '5% of "this" _x'}), Draft(kind="trial", actor="Ann_B"), step(3))

    def seqs(asked: Question) -> list[int]:
        found, before = [], None
        while True:
            page = ledger.page(asked, before=before, limit=2)
            assert len(page.entries) == 2 or page.before is None
            found, before = [*found, *(entry.seq for entry in page.entries)], page.before
            if before is None:
                return found

    assert ledger.head().seq == 7 and ledger.head().hash == late[-1].hash
    assert seqs(Question()) == [7, 6, 5, 3, 2, 1]
    assert seqs(Question(kinds=("trial",))) == [6, 2]
    assert seqs(Question(kinds=("trial", "step", "never"))) == [7, 6, 3, 2, 1]
    assert seqs(Question(subject="s")) == [5, 2]
    assert seqs(Question(subject="")) == [6]
    assert seqs(Question(subject="s", kinds=("trial", "step"))) == [2]
    assert seqs(Question(actor="ann")) == [2]
    assert seqs(Question(actor="loopline")) == [7, 5, 3, 1]
    assert seqs(Question(text="5% OF")) == [5]
    assert seqs(Question(text="n_b")) == [6]
    assert seqs(Question(text="%")) == [5]
    assert seqs(Question(until=early[0].time)) == [3, 2, 1]
    assert seqs(Question(since=late[0].time)) == [7, 6, 5]
    assert seqs(Question(since=late[0].time + timedelta(days=1))) == []
    assert ledger.kinds() == ["note", "step", "trial"]


def test_a_text_is_looked_for_among_so_many_entries_at_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 3)
    ledger.append(Draft(kind="note", subject="found"), *map(step, range(4)))
    first = ledger.page(Question(text="FOUND"))
    assert (first.entries, first.before, first.is_partial) == ((), 3, True)
    then = ledger.page(Question(text="FOUND"), before=first.before)
    assert ([entry.seq for entry in then.entries], then.before, then.is_partial) == ([1], None, False)


def test_what_names_an_entry_as_a_parent_is_found(ledger: Ledger) -> None:
    one, other = ledger.append(step(1), step(2))
    first = ledger.append(Draft(kind="a", parents=(one.id,)), Draft(kind="b", parents=(other.id, one.id)), Draft(kind="c", parents=(one.id, other.id)))
    assert ledger.children(one) == first
    assert ledger.children(other) == first[1:]
    assert ledger.children(one, after=first[0].seq, limit=1) == [first[1]]
    assert ledger.children(first[0]) == [] == ledger.beside("other").children(one)


def test_an_entry_is_found_by_its_id(ledger: Ledger, ledger_url: str) -> None:
    with Ledger.open(ledger_url, "other") as other:
        strange = other.append(step(0))[0]
    entry = ledger.append(step(1))[0]
    assert ledger.get(entry.id) == ledger.get(entry.id[:6]) == ledger.get("2") == entry
    for wrong in ("3", "2-ffff0000ffff" if entry.hash[:4] != "ffff" else "2-0000", strange.id, "", "x", "-", "²", "9" * 40, "2'"):
        with pytest.raises(Mistake, match="no entry has the id"):
            ledger.get(wrong)


def test_a_sound_ledger_is_intact(ledger: Ledger, ledger_url: str) -> None:
    assert ledger.verify() == chain.Verdict(0, True, head=GENESIS)
    ledger.append(*map(step, range(2_500)))
    with Ledger.open(ledger_url, "other") as other:
        last = other.append(step(1))[0]
    told: list[tuple[int, int]] = []
    assert ledger.verify(lambda done, total: told.append((done, total))) == chain.Verdict(2_501, True, head=last.hash)
    assert told == [(2_000, 2_501), (2_501, 2_501)]


@pytest.mark.parametrize("column", [name for name in chain.Row._fields if name != "seq"])
def test_a_changed_field_is_found(ledger: Ledger, ledger_url: str, column: str) -> None:
    entries = ledger.append(*map(step, range(4)))
    for place in (1, 3, 4):
        with tampering(ledger_url) as connection:
            before = connection.execute(sa.text(f"SELECT {column} FROM ledger_entries WHERE seq = :seq"), {"seq": place}).scalar_one()
            connection.execute(sa.text(f"UPDATE ledger_entries SET {column} = :value WHERE seq = :seq"), {"seq": place, "value": f"{before[:-1]}~"})
        verdict = ledger.verify()
        assert (verdict.intact, verdict.first_bad) == (False, place)
        assert verdict.why and (column == "hash" or verdict.first_bad_id == entries[place - 1].id)
        with tampering(ledger_url) as connection:
            connection.execute(sa.text(f"UPDATE ledger_entries SET {column} = :value WHERE seq = :seq"), {"seq": place, "value": before})
    assert ledger.verify().intact


@pytest.mark.parametrize(
    ("statements", "first_bad", "why"),
    [
        (["DELETE FROM ledger_entries WHERE seq = 3"], 3, "missing"),
        (["DELETE FROM ledger_entries WHERE seq = 1"], 1, "missing"),
        (["DELETE FROM ledger_entries WHERE seq > 3"], 4, "missing"),
        (["DELETE FROM ledger_entries"], 1, "missing"),
        (
            [
                "UPDATE ledger_entries SET seq = 99 WHERE seq = 2",
                "UPDATE ledger_entries SET seq = 2 WHERE seq = 3",
                "UPDATE ledger_entries SET seq = 3 WHERE seq = 99",
            ],
            2,
            "moved",
        ),
        (["DELETE FROM ledger_entries WHERE seq = 2", "UPDATE ledger_entries SET seq = seq - 1 WHERE seq > 2"], 2, "moved"),
        (["UPDATE ledger_entries SET seq = 0 WHERE seq = 1"], 1, "missing"),
        (["UPDATE ledger_head SET seq = 4"], 5, "head"),
        (["UPDATE ledger_head SET hash = 'x'"], 5, "head"),
        (["UPDATE ledger_head SET seq = 6"], 6, "missing"),
        (["DELETE FROM ledger_head"], 1, "head is missing"),
    ],
)
def test_moved_and_missing_entries_are_found(ledger: Ledger, ledger_url: str, statements: list[str], first_bad: int, why: str) -> None:
    ledger.append(*map(step, range(5)))
    with tampering(ledger_url) as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    verdict = ledger.verify()
    assert (verdict.intact, verdict.first_bad) == (False, first_bad)
    assert why in verdict.why


def test_an_entry_replaced_together_with_its_hash_is_found(ledger: Ledger, ledger_url: str) -> None:
    entries = ledger.append(*map(step, range(4)))
    for place in (2, 4):
        head = chain.Head(place - 1, entries[place - 2].hash)
        (forged,), _ = chain.seal([chain.write(Draft(kind="step", body={"forged": True}))], head=head, project="flights", time=entries[0].time)
        with tampering(ledger_url) as connection:
            before = connection.execute(sa.text("SELECT * FROM ledger_entries WHERE seq = :seq"), {"seq": place}).one()
            connection.execute(sa.text("DELETE FROM ledger_entries WHERE seq = :seq"), {"seq": place})
            insert = sa.insert(sa.table("ledger_entries", *map(sa.column, chain.Row._fields)))
            connection.execute(insert, dict(zip(chain.Row._fields, forged, strict=True)))
        assert (ledger.verify().first_bad, ledger.verify().intact) == (place, False)
        with tampering(ledger_url) as connection:
            connection.execute(sa.text("DELETE FROM ledger_entries WHERE seq = :seq"), {"seq": place})
            connection.execute(insert, before._asdict())
    assert ledger.verify().intact


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger_entries SET kind = 'x'", "DELETE FROM ledger_entries", "UPDATE ledger_head SET seq = 0", "DELETE FROM ledger_head"]
)
def test_the_database_refuses_to_edit_entries(ledger: Ledger, ledger_url: str, statement: str) -> None:
    ledger.append(step(1))
    engine = sa.create_engine(database.parse(ledger_url))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
    assert ledger.verify().intact


def test_a_lease_is_held_by_one_and_per_project(ledger: Ledger, ledger_url: str) -> None:
    with Ledger.open(ledger_url, "flights") as second, Ledger.open(ledger_url, "other") as other:
        with ledger.lease():
            assert re.fullmatch(r"process \d+ on .*, since 20.*", second.holder())
            with pytest.raises(Mistake, match=r"process \d+ on .*, since 20.*, is already running project 'flights'"), second.lease():
                pass
            assert other.holder() == ""
            with other.lease():
                pass
        assert second.holder() == ""
        with second.lease(), pytest.raises(Mistake), ledger.lease():
            pass


def test_one_decides_at_a_time_in_a_project(ledger: Ledger, ledger_url: str) -> None:
    done: list[str] = []
    with Ledger.open(ledger_url, "flights") as second, Ledger.open(ledger_url, "other") as other:

        def decide() -> None:
            with alone(second):
                done.append("second")

        follows = threading.Thread(target=decide)
        with pytest.raises(Mistake), alone(ledger):
            follows.start()
            with alone(other):
                follows.join(0.1)
            done.append("first")
            raise Mistake("what goes wrong lets the next one in, too")
        follows.join(10)
    assert done == ["first", "second"]


def test_the_projects_of_a_database_are_listed_and_opened_beside_each_other(ledger: Ledger) -> None:
    assert ledger.projects() == []
    ledger.append(step(1))
    beside = ledger.beside("other")
    beside.append(step(2))
    assert ledger.projects() == ["flights", "other"] and len(beside.read()) == 1
    assert (ledger.seq(), beside.seq(), ledger.beside("third").seq()) == (1, 2, 0)
    ledger.append(step(3))
    assert (ledger.seq(), beside.seq()) == (3, 2) == (ledger.newest(("note", "step")), beside.newest(("step",))) and ledger.newest(("note",)) == 0
    with ledger.lease(), beside.lease():
        pass


def test_the_lease_of_a_killed_process_is_free(ledger: Ledger, ledger_url: str) -> None:
    code = """
        with Ledger.open(sys.argv[1], "flights") as ledger, ledger.lease():
            print("held", flush=True)
            sys.stdin.readline()
    """
    process = start(code, ledger_url)
    release([process])
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    assert f"process {process.pid} on " in ledger.holder()
    with pytest.raises(Mistake, match=f"process {process.pid} on "), ledger.lease():
        pass
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while True:
        try:
            with ledger.lease():
                assert str(process.pid) not in ledger.holder()
            assert ledger.holder() == ""
            return
        except Mistake:
            # Postgres sees a moment later than we that the other end is gone.
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_processes_that_open_a_new_ledger_at_once_share_it(ledger_url: str) -> None:
    code = """
        with Ledger.open(sys.argv[1], "flights") as ledger:
            for number in range(10):
                ledger.append(Draft(kind="step", key=sys.argv[2], body={"number": number}))
    """
    processes = [start(code, ledger_url, str(number)) for number in range(6)]
    release(processes)
    errors = [process.communicate()[1] for process in processes]
    assert errors == [""] * 6
    with Ledger.open(ledger_url, "flights") as ledger:
        assert ledger.verify().intact
        for number in range(6):
            assert [entry.body["number"] for entry in ledger.read(key=str(number))] == list(range(10))


def test_killed_at_any_moment_the_ledger_has_what_it_acknowledged_and_no_half_batch(ledger: Ledger, ledger_url: str) -> None:
    code = """
        with Ledger.open(sys.argv[1], "flights") as ledger:
            while True:
                print(ledger.append(*[Draft(kind="step", body={"text": "x" * 300})] * 7)[-1].seq, flush=True)
    """
    for wait_s in (0.02, 0.1, 0.25):
        process = start(code, ledger_url)
        release([process])
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        acknowledged = int((process.communicate()[0].split() or [acknowledged])[-1])
        verdict = ledger.verify()
        assert verdict.intact
        assert verdict.entries >= acknowledged and verdict.entries % 7 == 0


def test_a_ledger_of_a_newer_version_is_refused(ledger: Ledger, ledger_url: str) -> None:
    with tampering(ledger_url) as connection:
        connection.execute(sa.text("UPDATE ledger_version SET version_num = '9001'"))
    with pytest.raises(Mistake, match="a newer Loopline wrote this ledger") as told:
        Ledger.open(ledger_url, "flights")
    assert "pip install --upgrade loopline" in told.value.remedy


def test_an_entry_that_is_no_longer_json_is_told(ledger: Ledger, ledger_url: str) -> None:
    ledger.append(step(1))
    with tampering(ledger_url) as connection:
        connection.execute(sa.text("UPDATE ledger_entries SET body = '{'"))
    with pytest.raises(Exception, match="cannot be read; `loopline ledger verify`"):
        ledger.read()


def test_threads_share_a_ledger(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        appended: list[list[Entry]] = list(pool.map(lambda number: ledger.append(step(number)), range(80)))
    assert sorted(entry.seq for (entry,) in appended) == list(range(1, 81))
    assert ledger.verify().intact


def test_a_connection_that_postgres_closed_is_opened_again(postgres_url: str) -> None:
    with Ledger.open(postgres_url, "flights") as ledger:
        ledger.append(step(1))
        engine = sa.create_engine(database.parse(postgres_url))
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"))
        engine.dispose()
        assert ledger.append(step(2))[0].seq == 2


def test_the_size_grows_with_the_entries_and_is_shared_by_the_projects(ledger: Ledger) -> None:
    assert ledger.size_bytes() == 0
    ledger.append(*(step(number) for number in range(300)))
    alone = ledger.size_bytes()
    assert alone > 300 * 100
    ledger.beside("other").append(*(step(number) for number in range(300)))
    assert ledger.size_bytes() == pytest.approx(ledger.beside("other").size_bytes(), abs=1)
    assert ledger.size_bytes() <= 1.1 * alone
