"""``loopline report``: the whole loop as one file, for mail and archives."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from loopline.cli.output import LiveProgress, emit, folder_option, json_option, write_whole
from loopline.declaration import counted, figure
from loopline.errors import Mistake


@click.command()
@click.option("-o", "--out", metavar="FILE", type=click.Path(path_type=Path), help="The file, which ends with .html; named by project and day by default.")
@click.option("--for", "roles", metavar="ROLE", multiple=True, help="What this role may see; may be given again; business by default.")
@click.option("--open", "in_browser", is_flag=True, help="Open the file in a browser.")
@folder_option
@json_option
def command(out: Path | None, roles: tuple[str, ...], in_browser: bool, folder: Path | None, as_json: bool) -> None:
    """Write what the pages show as one HTML file that needs nothing from elsewhere: to be mailed, printed or kept.

    It has what a business owner may see, and so no rows of data; --for writes it for others.
    """
    from loopline.access.people import nearest_role, person
    from loopline.charter.spec import ROLES
    from loopline.project import find_folder
    from loopline.web.asked import Reader
    from loopline.web.current import Followed
    from loopline.web.report import file_name, report

    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise Mistake(f"a report is no {out.suffix or 'file without an ending'}", where=str(out), remedy="end it with .html")
    held = frozenset(nearest_role(role, ROLES) for role in roles or ("business",))
    followed = Followed(folder.resolve() if folder is not None else find_folder(Path.cwd()))
    try:
        with LiveProgress(quiet=as_json) as progress:
            current = followed.current()
            made = report(current, Reader(person(folder=current.project.folder).name, held), progress)
    finally:
        followed.close()
    file = out or Path(file_name(current.project.name, current.at))
    write_whole(file, made.html)
    if in_browser:
        webbrowser.open(file.resolve().as_uri())
    size = len(made.html.encode())
    data = {"out": str(file), "bytes": size, "for": sorted(held), "pages": list(made.sheets), "pictures": made.pictures, "left_out": dict(made.left_out)}
    said = f"written to {file}: {counted(len(made.sheets), 'page')}, {counted(made.pictures, 'picture')}, {figure(size / 1e6)} MB"
    emit(data, "\n".join([said, *(f"left out: {name}: {why}" for name, why in made.left_out.items())]), as_json)
