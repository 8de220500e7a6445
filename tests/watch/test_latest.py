"""The newest window, whichever packages answered in it."""

from hypothesis import given
from hypothesis import strategies as st

from loopline.watch.latest import latest, own
from tests.value.cases import window

WINDOWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 2), st.sampled_from("abc")), max_size=8, unique_by=lambda one: (one[0], one[3])
)


def windows(days):
    return [window(day, rows=rows, refused=refused, package=package) for day, rows, refused, package in sorted(days)]


@given(WINDOWS, st.sampled_from(["a", None]))
def test_it_has_all_that_came_in_the_newest_window_with_an_answer_and_the_champion_decides_where_it_is_in_it(days, champion):
    asked = [one for one in days if one[1]] or [one for one in days if one[2]]
    found = latest(windows(days), champion)
    if not asked:
        assert found is None
        return
    newest = [one for one in days if (one[1] or one[2]) and one[0] == max(day for day, *_ in asked)]
    assert (found.rows, found.refused) == (sum(one[1] for one in newest), sum(one[2] for one in newest))
    is_there = any(one[3] == champion for one in newest)
    assert found.deciding["package"] == champion if is_there else found.deciding["rows"] == max(one[1] for one in newest)


@given(WINDOWS)
def test_its_own_windows_are_of_one_package(days):
    found = own(windows(days), "a")
    assert len({one["package"] for one in found}) <= 1 and (not found or found[0]["package"] == "a" or all(one[3] != "a" for one in days))
