"""A document that is kept comes back: the same page, the same text."""

from hypothesis import given
from hypothesis import strategies as st

from loopline import charts
from loopline.charts import Bar
from loopline.sheet.document import Answer, Document, Figure, Part, Picture, Table
from loopline.sheet.html import html
from loopline.sheet.plain import markdown
from loopline.sheet.stored import of_plain, plain

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=12)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
TABLE = st.builds(
    Table,
    head=st.just(("a", "b")),
    rows=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    words=st.integers(0, 2),
    widest=st.none() | st.integers(0, 1),
    unbroken=st.frozensets(st.integers(0, 1)),
)
PART = st.builds(
    Part,
    name=TEXT,
    says=TEXTS,
    lists=st.lists(st.tuples(TEXT, TEXTS), max_size=2).map(tuple),
    table=st.none() | TABLE,
    quotes=st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
)
DOCUMENT = st.builds(
    Document,
    **dict.fromkeys(("title", "project", "kind", "made", "label", "verdict", "says", "next", "question", "scope"), TEXT),
    tone=st.sampled_from(["yes", "wait", "no"]),
    notes=TEXTS,
    figures=st.lists(st.builds(Figure, TEXT, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    answers=st.lists(st.builds(Answer, TEXT, TEXTS), max_size=2).map(tuple),
    parts=st.lists(PART, max_size=2).map(tuple),
)


@given(DOCUMENT)
def test_what_is_kept_comes_back(document: Document) -> None:
    assert of_plain(plain(document)) == document


def test_a_picture_comes_back_as_it_is_drawn_for_a_desk_and_for_a_telephone() -> None:
    picture = Picture("worth", lambda width: charts.bars([Bar(name="<b>", value=1.0)], title="t", unit="EUR", width=width))
    document = Document(
        title="", project="p", kind="k", made="", label="", verdict="v", says="", tone="yes", next="", first=picture, parts=(Part(name="n", picture=picture),)
    )
    kept = of_plain(plain(document))
    assert kept.first is not None
    for width in (charts.WIDE, charts.NARROW):
        assert kept.first.draw(width) == picture.draw(width)
    assert html(kept) == html(document)
    assert markdown(kept) == markdown(document)
