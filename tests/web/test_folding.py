"""What a narrow screen folds, and what a wall puts beside each other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.web.folding import parted, stacked

LONG = "one " * 300
BLOCKS = st.sampled_from(
    ["<h2>a</h2>", "<p>b</p>", "<div class='two'><section class='card'><h2>c</h2></section></div>", "<section><h2>d</h2></section>", "<hr>"]
)


def table(rows: int, columns: int, cell: str = "1") -> str:
    head = "".join(f"<th>c{at}</th>" for at in range(columns))
    row = f"<tr>{f'<td>{cell}</td>' * columns}</tr>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{row * rows}</tbody></table>"


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        (5, 4, None),
        (8, 4, None),
        (9, 4, "All 9 rows"),
        (1200, 4, "All 1,200 rows"),
        (400, 2, None),
        (2, 19, "All cells"),
        (50, 19, "All 50 rows, 19 columns"),
    ],
)
def test_a_long_or_broad_table_has_a_fold_behind_it(rows, columns, says):
    folds = re.findall(r"</table><details class=\"more\"><summary>(.*?)</summary></details>", stacked(table(rows, columns)))
    assert folds == ([] if says is None else [says])


def test_of_a_broad_row_the_first_cells_are_shown_at_once():
    assert stacked(table(1, 19)).count("data-late") == 19 - 8
    assert stacked(table(1, 12)).count("data-late") == 0


def test_what_somebody_types_into_is_not_folded():
    assert "<details" not in stacked(table(40, 4, "<input name='a'>"))
    folded = parted(f"<main><h2>a</h2>{LONG}<h2>b</h2>{LONG}<form></form><h2>c</h2>{LONG}</main>")
    assert re.findall(r'class="unseen">: (.)', folded) == ["c"]


def test_what_a_page_wants_shown_is_not_folded():
    folded = parted(f"<main><h2>a</h2>{LONG}<h2 data-shown>b</h2>{LONG}<h2>c</h2>{LONG}</main>")
    assert re.findall(r'class="unseen">: (.)', folded) == ["c"]


def test_what_is_short_is_not_folded():
    folded = parted(f"<main><h2>a</h2>1<h2>b</h2>{LONG}<h2>c</h2>{LONG}<h2>d</h2>4</main>")
    assert re.findall(r'class="unseen">: (.)', folded) == ["c"]


def test_cards_with_headings_of_their_own_are_not_of_the_part_before_them():
    page = parted('<main><h2>a</h2><p>1</p><div class="two"><section class="card"><h2>b</h2></section></div></main>')
    assert '<p>1</p></section><div class="two">' in page
    alone = parted('<main><h2>a</h2><div class="two"><section class="card"><h2>b</h2></section></div></main>')
    assert alone.endswith("</div></section></main>")


@given(st.lists(BLOCKS, max_size=12))
def test_parts_are_added_and_nothing_is_lost_or_crossed(blocks):
    page = f"<main><h1>x</h1>{''.join(blocks)}</main>"
    made = parted(page)
    assert made.replace('<section class="part">', "").replace("</section>", "").count("<h2>") == page.count("<h2>")
    assert re.sub(r'<details class="more">.*?</details>|</?section[^>]*>', "", made) == re.sub(r"</?section[^>]*>", "", page)
    assert made.count("<section") == made.count("</section>")
