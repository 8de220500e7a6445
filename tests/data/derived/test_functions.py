import sys

import pytest

from loopline.data.derived.functions import load, module_file, source_digest, told
from loopline.errors import Mistake


def test_a_function_is_found_beside_the_declaration_as_it_is_now(tmp_path):
    file = tmp_path / "own_found.py"
    file.write_text("def make():\n    return 1\n")
    assert load("own_found:make", tmp_path, where="here")() == 1
    before = source_digest("own_found:make", tmp_path)
    file.write_text("def make():\n    return 22\n")
    assert load("own_found:make", tmp_path, where="here")() == 22
    assert source_digest("own_found:make", tmp_path) != before
    sys.path.remove(str(tmp_path))


def test_a_package_and_an_installed_module_are_found_too(tmp_path):
    (tmp_path / "own_pack").mkdir()
    (tmp_path / "own_pack" / "__init__.py").write_text("def make():\n    return 3\n")
    assert module_file("own_pack:make", tmp_path) == tmp_path / "own_pack" / "__init__.py"
    assert load("own_pack:make", tmp_path, where="here")() == 3
    assert load("math:floor", tmp_path, where="here")(1.5) == 1
    assert source_digest("math:floor", tmp_path) is None
    sys.path.remove(str(tmp_path))


def test_errors_of_ours_stay_as_they_are():
    mistake = Mistake("wrong", where="there")
    assert told(mistake, None, where="here") is mistake
    assert str(told(ValueError("a\nb"), None, where="here")) == "here: ValueError: a; mend the function, then: loopline run"
    assert str(told(KeyError(), None, where="here")).startswith("here: KeyError")


def test_what_is_no_function_is_refused(tmp_path):
    with pytest.raises(Mistake, match="no function 'pi'"):
        load("math:pi", tmp_path, where="here")
    sys.path.remove(str(tmp_path))
