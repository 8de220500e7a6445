"""What a pipeline installs, and where a provider looks for it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from loopline.ci.pipelines import PROVIDERS, given, installed, place_of, requirement_of, root_of, text_of
from loopline.errors import Mistake
from loopline.project import Project, load

DECLARED = "project: shop\ncharter: {predict: y}\ndata: {sources: {t: {path: t.csv}}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "loopline.yaml").write_text(DECLARED)
    return load(folder)


def test_the_pipeline_is_the_repository_s_and_names_the_project_s_folder(project: Project, tmp_path: Path) -> None:
    assert root_of(project.folder) == tmp_path
    assert place_of(project, tmp_path) == "models/shop"


def test_a_project_in_no_repository_is_its_own_root(tmp_path: Path) -> None:
    assert root_of(tmp_path) == tmp_path


def test_a_folder_that_a_pipeline_would_trip_over_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "it's mine"
    folder.mkdir()
    (folder / "loopline.yaml").write_text(DECLARED)
    with pytest.raises(Mistake, match="pipelines trip over"):
        place_of(load(folder), tmp_path)


@pytest.mark.parametrize("line", ["loopline", "loopline==0.1.0", "loopline[s3]>=0.1", "loopline @ git+https://example.com/it", "six\n  loopline  # ours"])
def test_the_project_s_own_requirements_come_first(project: Project, tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    assert requirement_of(project, tmp_path) == "--requirement requirements.txt"
    (project.folder / "requirements.txt").write_text(f"{line}\n")
    assert requirement_of(project, tmp_path) == "--requirement models/shop/requirements.txt"


def test_a_project_that_is_a_package_is_installed_as_it_declares(project: Project, tmp_path: Path) -> None:
    (project.folder / "pyproject.toml").write_text('[project]\nname = "shop"\ndependencies = ["polars", "loopline[postgres]>=0.1"]\n')
    assert requirement_of(project, tmp_path) == "./models/shop"


@pytest.mark.parametrize("line", ["loopline-extras==1", "# loopline.yaml lies beside this", "myloopline"])
def test_what_only_looks_like_it_is_passed_over(project: Project, tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    (project.folder / "requirements.txt").write_text("loopline\n")
    assert requirement_of(project, tmp_path) == "--requirement models/shop/requirements.txt"


def test_what_was_installed_from_this_machine_is_asked_for_nowhere_else(project: Project, tmp_path: Path) -> None:
    """As in the tests' own environment, whose Loopline came from a folder."""
    with pytest.raises(Mistake, match="so that a pipeline is not told where to find it; name it in requirements.txt or pyproject.toml, .* --requirement"):
        requirement_of(project, tmp_path)


def test_a_pipeline_installs_from_where_this_machine_did() -> None:
    name = "loopline[postgres,s3]"
    assert installed(name, "0.1.0", {}) == f"{name}==0.1.0"
    commit = {"url": "https://me:secret@example.com/it.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}}
    assert installed(name, "0.1.0", commit) == f"{name} @ git+https://example.com/it.git@ab12"
    assert installed(name, "0.1.0", {"url": "https://example.com/l.whl", "archive_info": {}}) == f"{name} @ https://example.com/l.whl"
    for direct in ({"dir_info": {"editable": True}}, {"archive_info": {}}):
        with pytest.raises(Mistake, match="Loopline 0.1.0 was installed from this machine"):
            installed(name, "0.1.0", {"url": "file:///srv/loopline", **direct})


@pytest.mark.parametrize("text", ["loopline==0.1.0", "loopline[s3] @ git+https://example.com/it.git@ab12", "./wheels/loopline-0.1.0-py3-none-any.whl"])
def test_a_requirement_that_a_person_gives_is_one_word_for_the_shell(text: str) -> None:
    assert shlex.split(given(text)) == [text]


@pytest.mark.parametrize("text", ["", "loopline'; env", "loopline\nrun: env", "loopline: 1", "loopline # no", "$(env)", "-r x", 'a"b', "a\\b"])
def test_a_requirement_that_a_pipeline_would_trip_over_is_refused(text: str) -> None:
    with pytest.raises(Mistake, match="--requirement: .* is no requirement that every pipeline can hold"):
        given(text)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nothing_is_left_to_be_filled_in(provider: str) -> None:
    text = text_of(provider, folder="models/shop", requirement="'loopline==0.1.0'")
    assert "@FOLDER@" not in text
    assert "@INSTALL@" not in text
    assert text.count("loopline ci run") == 2
    assert "--folder models/shop" in text
