"""``loopline ci init``: the files are what the providers read, and the commands in them are commands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from loopline.ci.pipelines import PROVIDERS
from loopline.cli.ci import command
from loopline.cli.ci_run import command as run
from loopline.errors import Mistake

SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}
# The sections of a declarative pipeline, by what may hold them, as the Jenkins handbook's "Pipeline Syntax" lists them.
SECTIONS = {
    "": {"pipeline"},
    "pipeline": {"agent", "environment", "options", "parameters", "triggers", "tools", "libraries", "stages", "post"},
    "stages": {"stage"},
    "stage": {"agent", "environment", "options", "input", "tools", "when", "steps", "post", "stages", "parallel", "matrix"},
    "when": {"anyOf", "allOf", "not", "branch", "changeRequest", "environment", "expression"},
    "anyOf": {"branch", "changeRequest", "environment"},
    "post": {"always", "changed", "fixed", "regression", "aborted", "failure", "success", "unstable", "unsuccessful", "cleanup"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "requirements.txt").write_text("loopline @ git+https://example.com/loopline.git\n")
    (tmp_path / "loopline.yaml").write_text("project: shop\ncharter: {predict: y}\ndata: {sources: {t: {path: t.csv}}}\n")
    return tmp_path


def init(folder: Path, provider: str, *words: str) -> Result:
    result = CliRunner().invoke(command, ["init", "--provider", provider, "--folder", str(folder), *words])
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def written(folder: Path, provider: str) -> str:
    return Path(json.loads(init(folder, provider, "--json").stdout)["file"]).read_text()


@pytest.mark.parametrize("provider", SCHEMAS)
def test_the_file_keeps_to_the_provider_s_schema(folder: Path, provider: str) -> None:
    if find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema, which ships the providers' schemas, is not installed")
    init(folder, provider)
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[provider], str(folder / PROVIDERS[provider].file)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_jenkinsfile_is_a_declarative_pipeline_by_its_structure(folder: Path) -> None:
    """Jenkins' own linter is part of its server, and not here: sections stand where they may, and every brace is closed."""
    text = re.sub(r"'''.*?'''|'[^'\n]*'|\"[^\"\n]*\"|//[^\n]*", "", written(folder, "jenkins"), flags=re.DOTALL)
    within: list[str] = [""]
    for word, mark in re.findall(r"(?:(\w+)\s*(?:\([^)]*\))?\s*)?([{}])", text):
        if mark == "{":
            assert word in SECTIONS.get(within[-1], {word}), f"{word!r} stands in {within[-1]!r}"
            within.append(word)
        else:
            assert within.pop() != ""
    assert within == [""]
    assert {"agent", "environment", "stages", "post"} <= set(re.findall(r"^    (\w+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_its_commands_are_commands_of_loopline(folder: Path, provider: str) -> None:
    lines = re.findall(r"loopline ci run .*", written(folder, provider))
    asked = [run.make_context("run", shlex.split(line)[3:]).params for line in lines]
    assert [one["on"] for one in asked] == ["pull-request", "main"]
    assert all(one["output"] == Path("loopline-ci") and one["folder"] == Path(".") and one["link"] for one in asked)


def scripts(node: Any) -> Iterator[str]:
    """Every text that a pipeline hands to a shell."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("run", "script", "before_script", "after_script"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value)


@pytest.mark.parametrize("provider", SCHEMAS)
def test_its_scripts_are_shell(folder: Path, provider: str) -> None:
    found = list(scripts(yaml.safe_load(written(folder, provider))))
    assert len(found) >= 3
    for script in found:
        ended = subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, f"{script}\n{ended.stderr}"


def test_the_token_of_a_workflow_may_comment_and_no_more(folder: Path) -> None:
    told = yaml.safe_load(written(folder, "github"))
    assert told["permissions"] == {"contents": "read"}
    assert told["jobs"]["pull-request"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "permissions" not in told["jobs"]["main"]
    # `pull_request_target` would give a stranger's code the secrets. YAML 1.1 reads the word on as true.
    assert set(told[True]) == {"pull_request", "push"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_secrets_stand_by_their_names_alone(folder: Path, provider: str) -> None:
    shown = init(folder, provider).stdout
    text = (folder / PROVIDERS[provider].file).read_text()
    for setting in PROVIDERS[provider].settings:
        assert setting.name in text
        assert setting.name in shown
    assert not re.search(r"://\w+:\w+@", text)


def test_what_a_person_says_is_installed_and_without_it_nothing_is_guessed(folder: Path) -> None:
    (folder / "requirements.txt").unlink()
    with pytest.raises(Mistake, match="is not told where to find it"):
        init(folder, "github")
    assert not (folder / ".github").exists()
    told = json.loads(init(folder, "github", "--requirement", "loopline[s3] @ git+https://example.com/it.git@ab12", "--json").stdout)
    assert told["install"] == "'loopline[s3] @ git+https://example.com/it.git@ab12'"
    steps = [step.get("run", "") for job in yaml.safe_load(Path(told["file"]).read_text())["jobs"].values() for step in job["steps"]]
    assert steps.count(f"pip install {told['install']}") == 2


def test_a_pipeline_that_is_there_is_kept_unless_it_is_forced(folder: Path) -> None:
    file = folder / "Jenkinsfile"
    file.write_text("mine")
    with pytest.raises(Mistake, match="there is a pipeline already.*--force"):
        init(folder, "jenkins")
    assert file.read_text() == "mine"
    assert f"wrote {file}" in init(folder, "jenkins", "--force").stdout
    assert file.read_text().startswith("// Written by")
