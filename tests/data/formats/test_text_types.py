"""A column of texts has a type only where every cell can be read so, whichever chunk it stands in."""

from __future__ import annotations

import polars as pl
import pytest

from loopline.data.formats.text_types import TextTypes, typed
from loopline.data.spec_source import NULLS


def found(*chunks: list[str]) -> tuple[str | None, str | None, list[str]]:
    types = TextTypes(["c"], nulls=NULLS)
    for chunk in chunks:
        types.note(pl.DataFrame({"c": chunk}, schema={"c": pl.String}))
    spec = types.types()["c"]
    return spec.type, spec.format, types.notes()


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", " 3 ", ""], "integer"),
        (["1", "2.5", "1e3", "NA"], "number"),
        (["0.1", "0.123456789012345678901"], "text"),
        (["1", "99999999999999999999"], "text"),
        (["9223372036854775807"], "integer"),
        (["007", "8"], "text"),
        (["0", "1"], "integer"),
        (["0.5"], "number"),
        (["true", "False"], "boolean"),
        (["yes", "no"], "text"),
        (["2020-01-02", "2020-12-31"], "date"),
        (["2020-01-02", "2020-13-31"], "text"),
        (["2020-01-02T03:04:05Z", "2020-01-02 03:04"], "datetime"),
        (["", "NA"], "text"),
        ([], "text"),
        (["inf"], "text"),
    ],
)
def test_the_type_fits_every_cell(cells: list[str], kind: str) -> None:
    assert found(cells)[0] == kind


def test_a_late_cell_of_another_kind_makes_it_text() -> None:
    assert found(["1"] * 5000, ["2"], ["x"])[0] == "text"
    assert found(["1"], ["2.5"])[0] == "number"


def test_a_later_chunk_decides_which_way_round_a_date_is() -> None:
    assert found(["01/02/2020"], ["13/02/2020"])[:2] == ("date", "%d/%m/%Y")
    kind, form, notes = found(["01/02/2020"])
    assert (kind, form) == ("date", "%m/%d/%Y")
    assert "the other way round" in notes[0]


def test_words_for_missing_are_null_in_numbers_and_stay_in_texts() -> None:
    types = TextTypes(["n", "s"], nulls=NULLS)
    frame = pl.DataFrame({"n": ["1", "NA", ""], "s": ["NA", "x", ""]})
    types.note(frame)
    assert typed(frame, types.types(), NULLS).rows() == [(1, "NA"), (None, "x"), (None, None)]
    assert types.notes() == ["n: 1 cells hold a word for missing, such as NA, and are null"]
