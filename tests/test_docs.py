"""Docs are executed: what they name is there, what they show runs, and no command or option is left out."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import click
import pytest

from loopline.cli.main import command as root
from tests.calling import Bash
from tests.conftest import SHARED

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
# Each name of a page is short enough to be read in a list of tests.
ALL_PAGES = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
BLOCK = re.compile(r"(<!-- run -->\n)?^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def written():
    spec = importlib.util.spec_from_file_location("write_commands", REPOSITORY / "docs" / "write_commands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_is_up_to_date(written):
    assert written.PAGE.read_text() == written.page(), "run: make docs"


def test_every_command_and_option_says_what_it_does(written):
    for words, command in written.leaves(root):
        assert command.help, f"{' '.join(words)} has no help"
        for option in written.options(command):
            assert option.help, f"{' '.join(words)} {option.opts[-1]} has no help"


def test_every_command_takes_json(written):
    for words, command in written.leaves(root):
        assert "--json" in {name for option in written.options(command) for name in option.opts}, " ".join(words)


def test_every_command_has_its_shape_described(written):
    page = (REPOSITORY / "docs" / "json.md").read_text()
    titles = " ".join(line for line in page.splitlines() if line.startswith("## "))
    assert not [" ".join(words) for words, _ in written.leaves(root) if not re.search(rf"{' '.join(words)}(?![\w-]| \w)", titles)]


@ALL_PAGES
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@ALL_PAGES
def test_blocks_of_json_are_json(page):
    for _, language, text in BLOCK.findall(page.read_text()):
        if language == "json":
            json.loads(text)


def called(page):
    """The `loopline ...` commands that a page shows, as words."""
    text = page.read_text()
    blocks = [line.strip() for line in text.splitlines() if re.match(r"(    )?(\$ )?loopline \w", line)]
    inline = re.findall(r"`(loopline [^`\n]+)`", text)
    return {line.removeprefix("$ ").partition("  #")[0] for line in [*blocks, *inline]}


def unknown_in(line):
    """The first word of a command line that the command does not know, or None."""
    command, options = root, {name for param in root.params for name in param.opts}
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        below = command.get_command(click.Context(command), name)
        if below is None:
            # A group may be spoken of with its verbs, as in "loopline ledger log | show".
            return name
        command = below
        options |= {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return next((word for word in words if word.startswith("-") and word not in options | {"--help", "-h"}), None)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "commands.md"], ids=lambda page: page.name)
def test_commands_that_are_shown_exist(page):
    for line in called(page):
        assert unknown_in(line.partition(" | ")[0].split(",")[0]) is None, f"{page.name} shows {line!r}, which has no {unknown_in(line)!r}"


@pytest.mark.parametrize("page", [page for page in PAGES if "<!-- run -->" in page.read_text()], ids=lambda page: page.name)
def test_blocks_that_are_marked_run(page, tmp_path, tmp_path_factory):
    """In their order, in one folder, as a reader would."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    blocks = [(language, text) for marked, language, text in BLOCK.findall(page.read_text()) if marked]
    assert blocks
    for name in re.findall(r"<!-- needs (\S+) -->", page.read_text()):
        if not (SHARED / "data" / name).is_file():
            pytest.skip(f"there is no {name} in {SHARED / 'data'}; name a folder with LOOPLINE_SHARED")
        shutil.copy(SHARED / "data" / name, tmp_path)
    bash = Bash(tmp_path, tmp_path_factory.mktemp("calls"), environment)
    for language, text in blocks:
        script = {"python": f"python -c {shlex.quote(text)}", "bash": text}[language]
        ended = bash.run(script, timeout_s=170)
        assert ended.code == 0, f"{text}\n{ended.out}\n{ended.err}"


def test_every_decision_is_one_page():
    for record in (REPOSITORY / "docs" / "decisions").glob("*.md"):
        text = record.read_text()
        assert re.match(r"# \d+\. ", text), record.name
        assert re.findall(r"^## .*$", text, flags=re.MULTILINE) == ["## Situation", "## Choice", "## What follows"]
        assert len(text.splitlines()) <= 60


def test_how_it_works_begins_with_one_sentence():
    first = (REPOSITORY / "docs" / "how-it-works.md").read_text().split("\n\n")[1]
    assert first.count(".") == 1
    assert first.endswith(".")


def test_every_package_of_the_default_install_is_explained():
    page = (REPOSITORY / "docs" / "dependencies.md").read_text().lower()
    text = (REPOSITORY / "pyproject.toml").read_text()
    declared = re.findall(r'^    "([a-z0-9-]+)', text[text.index("dependencies = [") : text.index("[project.optional-dependencies]")], flags=re.MULTILINE)
    assert len(declared) > 20
    assert not [name for name in declared if name not in page]
