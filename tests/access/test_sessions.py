"""Sessions: known by 256 random bits until their end, which a new password and a revocation bring at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from loopline.access import accounts, sessions
from loopline.access.safe import SESSIONS
from loopline.access.sessions import Ends

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = "correct horse battery"
ENDS = Ends(timedelta(hours=12), timedelta(hours=2))
SPANS = st.timedeltas(timedelta(seconds=1), timedelta(days=90))


@given(lasts=SPANS, idle=SPANS, seen=st.timedeltas(timedelta(0), timedelta(days=90)), later=st.timedeltas(timedelta(0), timedelta(days=90)))
def test_a_session_ends_by_its_age_or_when_it_is_not_used(lasts, idle, seen, later):
    ends, last = Ends(lasts, idle), NOW + seen
    now = last + later
    assert ends.is_over(NOW, last, now) is (seen + later >= lasts or later >= idle)
    # Once over, it never comes back.
    assert ends.is_over(NOW, last, now + timedelta(days=1)) or not ends.is_over(NOW, last, now)


@given(idle=SPANS, gaps=st.lists(st.floats(0.001, 0.9), max_size=20))
def test_who_goes_on_working_is_not_idle(idle, gaps):
    """Uses are kept now and then only, and still no session ends in whose last nine tenths of the idle time something was asked."""
    ends, kept, now = Ends(timedelta(days=3650), idle), NOW, NOW
    for gap in gaps:
        now += idle * gap
        assert not ends.is_over(NOW, kept, now)
        kept = now if ends.is_due(kept, now) else kept


def begun(safe, name="ann"):
    return sessions.begin(safe, accounts.create(safe, name, GOOD, NOW), ENDS, NOW)


def test_a_session_is_known_by_its_secret_alone_which_is_not_kept(safe):
    secret = begun(safe)
    assert len(secret) == 43
    found = sessions.found(safe, secret, ENDS, NOW)
    assert (found.name, found.via, found.made) == ("ann", "password", NOW)
    assert sessions.found(safe, secret[:-1], ENDS, NOW) is None
    assert sessions.found(safe, "\ud800", ENDS, NOW) is None
    with safe.reading() as connection:
        assert secret not in str(connection.execute(sa.select(SESSIONS)).all())


def test_a_session_that_is_used_lives_on_until_its_last_hour(safe):
    secret = begun(safe)
    for hours in range(1, 12):
        assert sessions.found(safe, secret, ENDS, NOW + timedelta(hours=hours)) is not None
    assert sessions.found(safe, secret, ENDS, NOW + timedelta(hours=12)) is None
    assert sessions.found(safe, secret, ENDS, NOW) is None, "its end is for good"


def test_a_session_that_is_not_used_ends(safe):
    secret = begun(safe)
    assert sessions.found(safe, secret, ENDS, NOW + timedelta(hours=2)) is None


def test_a_declaration_that_shortens_sessions_ends_those_that_are_older(safe):
    secret = begun(safe)
    assert sessions.found(safe, secret, Ends(timedelta(minutes=1), ENDS.idle), NOW + timedelta(minutes=1)) is None


@pytest.mark.parametrize(
    "end",
    [
        lambda safe, secret: accounts.set_password(safe, "ann", "staple and some more", NOW),
        lambda safe, secret: accounts.revoke(safe, "ann", NOW),
        lambda safe, secret: sessions.end(safe, secret),
    ],
    ids=["password", "revocation", "sign-out"],
)
def test_a_session_ends_at_once_by(safe, end):
    secret, other = begun(safe), begun(safe, "bob")
    end(safe, secret)
    assert sessions.found(safe, secret, ENDS, NOW) is None
    assert sessions.found(safe, other, ENDS, NOW) is not None


def test_a_password_that_was_proved_before_it_was_changed_opens_nothing(safe):
    account = accounts.create(safe, "ann", GOOD, NOW)
    accounts.set_password(safe, "ann", "staple and some more", NOW)
    assert sessions.found(safe, sessions.begin(safe, account, ENDS, NOW), ENDS, NOW) is None


def test_who_comes_from_a_provider_needs_no_account_and_a_revoked_one_keeps_them_out(safe):
    secret = sessions.begin(safe, "Ann", ENDS, NOW)
    assert sessions.found(safe, secret, ENDS, NOW).via == "oidc"
    accounts.create(safe, "ann", GOOD, NOW)
    assert sessions.found(safe, secret, ENDS, NOW)
    accounts.revoke(safe, "ann", NOW)
    assert sessions.found(safe, secret, ENDS, NOW) is None
    assert sessions.found(safe, sessions.begin(safe, "Ann", ENDS, NOW), ENDS, NOW) is None


def test_ended_sessions_are_swept_when_others_begin(safe):
    begun(safe)
    sessions.begin(safe, "bob", ENDS, NOW + timedelta(days=1))
    with safe.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(SESSIONS)) == 1


def test_what_a_page_asks_for_by_itself_keeps_no_session_from_ending(safe):
    secret = begun(safe)
    for minutes in range(0, 120, 10):
        assert sessions.found(safe, secret, ENDS, NOW + timedelta(minutes=minutes), is_used=False) is not None
    assert sessions.found(safe, secret, ENDS, NOW + timedelta(hours=2)) is None
