"""The public Python API fits one page, and every name of it is there."""

import inspect

import pytest

import loopline


def test_it_has_at_most_fifteen_names():
    assert len(loopline.__all__) <= 15
    assert sorted(loopline.__all__) == dir(loopline)


@pytest.mark.parametrize("name", [name for name in loopline.__all__ if name != "__version__"])
def test_a_public_name_is_there_and_says_what_it_is(name):
    thing = getattr(loopline, name)
    first = (inspect.getdoc(thing) or "").partition("\n")[0]
    assert first.endswith((".", "?")), f"the docstring of {name} begins with {first!r}"


def test_it_has_a_version():
    assert loopline.__version__.count(".") == 2


def test_a_wrong_name_is_answered_with_the_right_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'opne'.*\bopen\b"):
        _ = loopline.opne


def test_public_methods_and_functions_are_documented():
    for name in loopline.__all__:
        thing = getattr(loopline, name)
        for attribute, member in vars(thing).items() if inspect.isclass(thing) else ():
            if not attribute.startswith("_") and callable(member):
                assert inspect.getdoc(member), f"{name}.{attribute} has no docstring"
