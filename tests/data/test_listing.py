import pytest

from loopline.data.listing import listing
from loopline.data.spec import SourceSpec
from loopline.errors import Mistake


@pytest.fixture
def folder(tmp_path):
    for name in ("in/b.csv", "in/a.csv.gz", "in/c.parquet", "in/notes.md", "in/.hidden.csv", "in/deep/d.csv", "odd [1]/e.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("in/b.csv", ["in/b.csv"]),
        ("in", ["in/a.csv.gz", "in/b.csv", "in/c.parquet"]),
        ("in/*.csv", ["in/b.csv"]),
        ("in/**/*.csv", ["in/b.csv", "in/deep/d.csv"]),
        ("odd [1]/e.csv", ["odd [1]/e.csv"]),
        ("in/deep/../b.csv", ["in/b.csv"]),
    ],
)
def test_a_file_a_folder_and_a_pattern_are_listed_by_name(folder, path, names):
    assert [file.name for file in listing(SourceSpec(path=path), folder)] == names


def test_files_outside_of_the_folder_are_named_from_it(folder):
    (file,) = listing(SourceSpec(path="../in/b.csv"), folder / "not there yet")
    assert (file.name, file.size) == ("../in/b.csv", 4)


@pytest.mark.parametrize(
    ("path", "says"),
    [("in/bb.csv", "there are: a.csv.gz, b.csv, c.parquet"), ("none/x.csv", "check the path"), ("in/*.tsv", "check the pattern"), ("in/deep/deeper", "d.csv")],
)
def test_what_is_not_there_is_told_with_what_is(folder, path, says):
    (folder / "empty").mkdir()
    with pytest.raises(Mistake) as caught:
        listing(SourceSpec(path=path), folder, where="data.sources.x.path")
    assert says in str(caught.value)
    assert caught.value.where == "data.sources.x.path"


def test_a_folder_without_data_files_is_told(folder):
    (folder / "empty").mkdir()
    with pytest.raises(Mistake, match="holds no data file"):
        listing(SourceSpec(path="empty"), folder)
