"""Passwords: what is guessed at once is refused, and a hash tells right from wrong."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.access import passwords
from loopline.errors import Mistake

GOOD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@settings(max_examples=10)
@given(password=st.text(max_size=30), other=st.text(max_size=30))
def test_a_hash_is_right_for_its_password_alone(password, other):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", CHEAP)
        hash = passwords.hashed(password)
        assert passwords.is_right(hash, password)
        assert passwords.is_right(hash, other) is (passwords._plain(password) == passwords._plain(other))
        assert not passwords.is_right(None, password)


def test_the_same_letters_of_another_keyboard_are_the_same_password(cheap):
    assert passwords.is_right(passwords.hashed("cafe\u0301 au lait"), "caf\u00e9 au lait")


def test_what_is_no_hash_is_wrong_and_nothing_worse(cheap):
    assert not passwords.is_right("", GOOD)
    assert not passwords.is_right("$argon2id$", GOOD)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("three", "of 5 characters is too short; take at least 12"),
        ("x" * 600, "of 600 characters is too long"),
        ("abababababab", "repeats a few characters"),
        ("Ann.Smith@Example.com", "is the name of whom it belongs to"),
        ("ann.smith", "too short"),
    ],
)
def test_what_is_guessed_at_once_is_refused_and_not_repeated(password, says):
    with pytest.raises(Mistake, match=says) as caught:
        passwords.checked(password, "ann.smith@example.com")
    assert password not in str(caught.value)


def test_a_password_that_is_made_up_is_a_good_one_and_another_each_time():
    made = {passwords.generated() for _ in range(20)}
    assert len(made) == 20
    assert all(passwords.checked(one, "ann") == one and len(one) == 23 for one in made)


def test_the_parameters_are_those_that_are_recommended():
    """RFC 9106, section 4: the second recommended option."""
    assert (passwords.HASHER.type.name, passwords.HASHER.memory_cost >= 2**16, passwords.HASHER.time_cost >= 3) == ("ID", True, True)
