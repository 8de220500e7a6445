from loopline.errors import CheckFailed, Fault, LooplineError, Mistake


def test_an_error_is_one_line_with_place_and_remedy():
    error = Mistake("there is no column 'lat'", where="loopline.yaml, line 3", remedy="did you mean 'late'?")
    assert str(error) == "loopline.yaml, line 3: there is no column 'lat'; did you mean 'late'?"


def test_place_and_remedy_may_be_missing():
    assert str(LooplineError("the disk is full")) == "the disk is full"


def test_the_kind_of_error_says_the_exit_code():
    assert (Mistake("x").exit_code, CheckFailed("x").exit_code, Fault("x").exit_code) == (2, 1, 2)
