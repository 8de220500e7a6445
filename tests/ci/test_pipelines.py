"""What a pipeline installs, and where a provider looks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.ci.pipelines import PROVIDERS, place_of, requirement_of, root_of, text_of
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
    assert requirement_of(project, tmp_path).startswith("'loopline[postgres,s3]")


def test_families_with_extras_are_installed_with_them(project: Project, tmp_path: Path) -> None:
    (project.folder / "loopline.yaml").write_text(f"{DECLARED}model: {{families: [linear, xgboost]}}\n")
    assert requirement_of(load(project.folder), tmp_path).startswith("'loopline[postgres,s3,xgboost]")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nothing_is_left_to_be_filled_in(provider: str) -> None:
    text = text_of(provider, folder="models/shop", requirement="'loopline==0.1.0'")
    assert "@FOLDER@" not in text
    assert "@INSTALL@" not in text
    assert text.count("loopline ci run") == 2
    assert "--folder models/shop" in text
