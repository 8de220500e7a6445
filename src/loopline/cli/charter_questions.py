"""``loopline charter questions``: what the template asks and nobody has answered yet."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.charter.asked import asked_of, questions_as_json
from loopline.cli.init_template import question_lines
from loopline.cli.output import emit, folder_option, hint, json_option
from loopline.errors import Mistake
from loopline.project import FILE, find_folder, load


@click.command()
@folder_option
@json_option
def questions(folder: Path | None, as_json: bool) -> None:
    """List the template's questions that nobody has answered yet: who must answer, in which field, why it matters, and what if it is wrong.

    A question is answered by another value in place of a guess, or by taking away the mark at the end of its line.
    """
    project = load(folder.resolve() if folder is not None else find_folder(Path.cwd()))
    if project.declaration.charter.template is None:
        remedy = "begin with one: loopline init --template NAME; they are listed by loopline init --templates"
        raise Mistake("the charter names no template, so there are no questions", where="charter.template", remedy=remedy)
    kind, standing = asked_of(project.declaration.charter, project.folder, (project.folder / FILE).read_text(encoding="utf-8"))
    asked = len(kind.asked)
    count = sum(one.is_open for one in standing)
    following = "loopline run" if project.declaration.data.sources else "loopline charter study"
    head = f"{count} of {asked} questions of the template {kind.name} are open" if count else f"all {asked} questions of the template {kind.name} are answered"
    data = {"template": kind.name, **questions_as_json(standing), "next": following}
    emit(data, lambda: "\n".join([head, *question_lines(standing)]) + hint(following), as_json)
