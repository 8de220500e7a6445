import json
import os
import subprocess
import sys

import pytest

from loopline.cli.main import COMMANDS
from tests.calling import call


def loopline(*words, cwd):
    return call(words, folder=cwd, environment=os.environ)


def test_the_help_names_every_command(tmp_path):
    words = [sys.executable, "-m", "loopline.cli.main", "--help"]
    shown = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0
    assert all(f"\n  {name} " in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_speaks_json(name, tmp_path):
    shown = loopline(name, "--help", cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert "Usage:" in shown.out


@pytest.mark.parametrize("words", [["statsu"], ["run", "--untl", "data"], ["run", "--json", "extra"]])
def test_a_mistyped_command_or_option_exits_with_2(words, tmp_path):
    assert loopline(*words, cwd=tmp_path).code == 2


@pytest.mark.parametrize("command", ["run", "status", "tick"])
def test_without_a_project_one_line_says_how_to_start_one(command, tmp_path):
    ended = loopline(command, cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "loopline init" in ended.err


def test_a_mistake_is_json_where_json_was_asked_for(tmp_path):
    ended = loopline("status", "--json", cwd=tmp_path)
    assert ended.code == 2
    assert "loopline init" in json.loads(ended.out)["error"]["remedy"]


def test_the_schema_is_json(tmp_path):
    assert json.loads(loopline("schema", cwd=tmp_path).out)["title"] == "loopline.yaml"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered_for_each_shell(shell, tmp_path):
    assert "_LOOPLINE_COMPLETE" in loopline("completion", shell, cwd=tmp_path).out
