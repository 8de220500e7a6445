"""Pictures as files: a page of several, or one of them as PNG or SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loopline.cli.output import write_whole
from loopline.errors import Fault, Mistake

FORMS = (".html", ".png", ".svg")


def picture_form(file: Path) -> str:
    """The form that a file's ending names.

    Raises
    ------
    Mistake
        When it names none.
    """
    if file.suffix.lower() not in FORMS:
        raise Mistake(f"the ending {file.suffix!r} is no form of a picture", where=str(file), remedy=f"let the file end with one of: {', '.join(FORMS)}")
    return file.suffix.lower()


def write_picture(file: Path, title: str, parts: Sequence[tuple[str, str, dict[str, Any]]], *, says: str = "") -> None:
    """Write the pictures: all of them as a page, or the first one as PNG or SVG.

    Parameters
    ----------
    parts
        For each a heading, a line that must be seen (or none), and the picture.

    Raises
    ------
    Fault
        When the file cannot be written.
    """
    from loopline.charts import png, svg
    from loopline.model.explain_pictures import page

    form = picture_form(file)
    if form == ".png":
        try:
            file.write_bytes(png(parts[0][2]))
        except OSError as error:
            raise Fault(f"{file.name} cannot be written ({error.strerror})", where=str(file.parent), remedy="name a file that can be written") from None
    else:
        write_whole(file, page(title, parts, says=says) if form == ".html" else svg(parts[0][2]))
