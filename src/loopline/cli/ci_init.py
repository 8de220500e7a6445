"""``loopline ci init``: a provider's pipeline, which calls ``loopline ci run``."""

from __future__ import annotations

from pathlib import Path

import click

from loopline.ci.pipelines import PROVIDERS, given, place_of, requirement_of, root_of, text_of
from loopline.cli.output import emit, folder_option, hint, json_option, table, write_whole
from loopline.errors import Mistake
from loopline.project import find_folder, load


@click.command()
@click.option("--provider", required=True, type=click.Choice(list(PROVIDERS)), help="Whose pipeline.")
@click.option("--requirement", metavar="TEXT", help="What pip installs Loopline from, such as 'loopline @ git+URL@COMMIT'; what the project names by default.")
@click.option("--force", is_flag=True, help="Write it although there is one.")
@folder_option
@json_option
def command(provider: str, requirement: str | None, force: bool, folder: Path | None, as_json: bool) -> None:
    """Write the pipeline of a provider into the repository: every pull request is judged, and the main branch goes round the loop.

    It calls `loopline ci run`, and holds secrets only by their names. What must be set where the provider keeps them is said.
    """
    project = load(folder.resolve() if folder is not None else find_folder(Path.cwd()))
    root, pipeline = root_of(project.folder), PROVIDERS[provider]
    place, asked = place_of(project, root), requirement_of(project, root) if requirement is None else given(requirement)
    file = root / pipeline.file
    if file.exists() and not force:
        raise Mistake("there is a pipeline already", where=str(file), remedy="look at it, and write it anew with --force")
    write_whole(file, text_of(provider, folder=place, requirement=asked))
    settings = [{"name": one.name, "why": one.why} for one in pipeline.settings]
    following = f"git add {pipeline.file}"
    told = {"provider": provider, "file": str(file), "install": asked, "place": pipeline.place, "settings": settings, "next": following}
    lines = [f"wrote {file}", f"it installs: pip install {asked}"]
    if requirement is None and "==" in asked:
        lines.append("pip must find that version in an index that the pipeline knows; else name a repository or a file in requirements.txt, and write it anew")
    lines.append(f"set these under {pipeline.place}:")
    emit(told, lambda: "\n".join([*lines, table(("name", "what for"), [(one.name, one.why) for one in pipeline.settings])]) + hint(following), as_json)
