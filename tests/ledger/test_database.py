"""Addresses and errors."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.engine import make_url

from loopline.errors import Fault, Mistake
from loopline.ledger.database import explain, masked, parse
from loopline.ledger.store import Ledger


@pytest.mark.parametrize("url", ["postgres://u:pw@h/d", "postgresql://u:pw@h/d", "postgresql+psycopg://u:pw@h/d"])
def test_every_spelling_of_postgres_means_one_driver(url: str) -> None:
    assert parse(url).drivername == "postgresql+psycopg"
    assert parse(url).password == "pw"


def test_no_address_shows_a_password() -> None:
    url = parse("postgresql://user:hush@host/db?password=hush&sslmode=require")
    assert masked(url) == "postgresql+psycopg://user:***@host/db"
    assert masked(parse("sqlite:////a/ledger.db")) == "/a/ledger.db"


def test_a_database_that_is_away_is_told_without_the_password() -> None:
    with pytest.raises(Fault, match="does not answer") as told:
        Ledger.open("postgresql://user:hush@127.0.0.1:9/db", "p")
    assert told.value.retry and "hush" not in str(told.value) and "\n" not in str(told.value)


def test_a_drivers_text_is_shown_without_the_password() -> None:
    error = explain(ValueError('connection to "hush" failed:\n  password hush'), make_url("postgresql+psycopg://u:hush@h/d"))
    assert "hush" not in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    ("name", "kind", "retry"),
    [
        ("SQLITE_BUSY", Fault, True),
        ("SQLITE_FULL", Fault, True),
        ("SQLITE_READONLY_DIRECTORY", Mistake, False),
        ("SQLITE_CORRUPT", Fault, False),
        ("SQLITE_ERROR", Fault, False),
    ],
)
def test_what_sqlite_reports_has_a_remedy(name: str, kind: type[Exception], retry: bool) -> None:
    error = sqlite3.OperationalError("words")
    error.sqlite_errorname = name
    told = explain(error, make_url("sqlite:////a/ledger.db"))
    assert isinstance(told, kind) and told.retry == retry and told.remedy and told.where == "/a/ledger.db"
