"""Writes `docs/commands.md` from the command line itself, so that no command or option goes undocumented: `make docs`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from loopline.cli.main import command as root

PAGE = Path(__file__).with_name("commands.md")
HEAD = """\
# Every command

Call them in the project's folder or below it, or name the folder with `--folder`. Each takes `--help`. With `--json` a command prints one
JSON object ([the shapes](json.md)). Exit codes: 0 done, or waiting for a person (it says so); 1 a no-go, a failed gate or check; 2 a mistake
in the input. This page is written by `make docs`.
"""


def leaves(command: click.Command, words: tuple[str, ...] = ("loopline",)) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Each command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    if command.invoke_without_command:
        yield words, command
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None and not below.hidden:
            yield from leaves(below, (*words, name))


def options(command: click.Command) -> list[click.Option]:
    """The options of a command, without `--help`."""
    return [param for param in command.params if isinstance(param, click.Option) and not param.hidden]


def page() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, *(_section(words, command) for words, command in leaves(root))])


def _section(words: tuple[str, ...], command: click.Command) -> str:
    arguments = [param.make_metavar(click.Context(command)) for param in command.params if isinstance(param, click.Argument)]
    lines = [f"## {' '.join(words)}", "", *_paragraphs(command.help or ""), "    " + " ".join([*words, *arguments, "[OPTIONS]"]), ""]
    listed = options(command)
    if listed:
        lines += ["| option | what it does |", "| --- | --- |", *map(_row, listed), ""]
    return "\n".join(lines)


def _paragraphs(text: str) -> list[str]:
    """The help's paragraphs, each on one line; a paragraph that click leaves as it is (after a backspace) as code."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text).strip()):
        if paragraph.startswith("\b"):
            lines += [*(f"    {line}" for line in paragraph.splitlines()[1:]), ""]
        else:
            lines += [" ".join(paragraph.split()), ""]
    return lines


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag or option.count else f" {option.make_metavar(click.Context(root))}"
    says = " ".join((option.help or "").split())
    if option.show_default and not option.is_flag and option.default is not None:
        says += f" Default: `{option.default}`."
    if option.required:
        says += " Required."
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (names + value, says)) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
