import pytest

from loopline.expression.kinds import is_condition, kind_of
from loopline.expression.language import parse

COLUMNS = {"amount": "number", "city": "text"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("amount * 2 + 1", "number"),
        ("-amount ** 2 if city == 'a' else None", "number"),
        ("lower(city)", "text"),
        ("length(city) // 2", "number"),
        ("coalesce(city, 'x')", "text"),
        ("1 < amount <= 3 and not is_null(city)", "number"),
        ("city in ('a', 'b') or amount in (1, 2)", "number"),
        ("max(amount, 0, round(amount, 1))", "number"),
        ("None", "number"),
    ],
)
def test_an_expression_is_a_number_or_a_text(text, kind):
    assert kind_of(parse(text), COLUMNS) == kind


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("city * 2", "column 'city' is text, and a number is wanted"),
        ("3 - city", "column 'city' is text"),
        ("city == 1", "column 'city' is text, and 1 is a number"),
        ("amount > 'a'", "'a' is text, and column 'amount' is a number"),
        ("amount in ('a', 'b')", "'a' is text, and column 'amount' is a number"),
        ("1 if city else 0", "column 'city' is text"),
        ("1 if amount > 0 else city", "column 'city' is text, and 1 is a number"),
        ("lower(amount)", "column 'amount' is a number"),
        ("sqrt(city)", "column 'city' is text"),
        ("-'a'", "bad operand"),
    ],
)
def test_what_does_not_go_together_names_the_column(text, says):
    with pytest.raises(ValueError, match=says):
        kind_of(parse(text), COLUMNS)


@pytest.mark.parametrize("text", ["amount > 3", "city in ('a', 'b')", "not amount", "is_null(city) or amount == 1", "amount > 3 if city == 'a' else False"])
def test_what_holds_or_does_not_is_a_condition(text):
    assert is_condition(parse(text))


@pytest.mark.parametrize(
    "text", ["amount", "amount + 1", "amount and amount > 3", "amount > 3 if city == 'a' else 2", "coalesce(amount, 1)", "length(city)", "1"]
)
def test_a_number_is_no_condition(text):
    assert not is_condition(parse(text))
