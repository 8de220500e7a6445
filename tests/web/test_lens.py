"""The lens changes order and emphasis, never facts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.spec import ROLES
from loopline.web.lens import CARDS, FIRST, SECTIONS, STAGES, TITLES, lens_of
from loopline.web.register import SECTIONS as NAVIGATION

roles = st.frozensets(st.sampled_from(ROLES))
chosen = st.sampled_from(["", "nobody", *ROLES])


def test_every_role_has_a_lens_whose_words_are_known():
    assert {*FIRST} == {*SECTIONS} == {*STAGES} == {*TITLES} == {*ROLES}
    assert {card for cards in FIRST.values() for card in cards} <= {*CARDS}
    assert {name for names in SECTIONS.values() for name in names} <= {path for _, path in NAVIGATION}


@given(roles, chosen)
def test_nothing_is_lost_and_nothing_comes_twice(held, choice):
    lens = lens_of(held, choice)
    assert sorted(lens.cards()) == sorted(CARDS)
    assert sorted(lens.sections(NAVIGATION, lambda one: one[1])) == sorted(NAVIGATION)
    assert sorted(lens.own_first(range(7), lambda one: list(STAGES)[one])) == list(range(7))


@given(roles, chosen)
def test_what_waits_comes_first_and_the_first_page_stays_first(held, choice):
    lens = lens_of(held, choice)
    assert lens.cards()[0] == "waiting"
    assert lens.sections(NAVIGATION, lambda one: one[1])[0] == ("Loop", "")


@given(roles, st.sampled_from(ROLES))
def test_one_role_more_takes_nothing_back(held, more):
    """Whoever holds a role sees its sections no later than among the first ones of all their roles."""
    both = lens_of(held | {more})
    place = [path for _, path in both.sections(NAVIGATION, lambda one: one[1])]
    ours = {name for role in held | {more} for name in SECTIONS[role]}
    assert {*place[1 : len(ours) + 1]} == ours
    assert both.stages == lens_of(held).stages | lens_of({more}).stages


@given(roles)
def test_a_choice_holds_whatever_the_roles_and_a_word_that_is_no_role_chooses_nothing(held):
    assert lens_of(held, "expert") == lens_of((), "expert")
    assert lens_of(held, "nobody") == lens_of(held)


def test_without_a_role_the_order_is_that_of_the_story():
    assert lens_of(()).cards() == CARDS
    assert lens_of(()).title == "Everybody"
    assert lens_of({"ml", "science"}).title == "Data scientist and ML engineer"
