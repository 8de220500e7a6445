"""``loopline data contract``: the contract in the words of the Open Data Contract Standard, either way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.cli.lazy import LazyGroup
from loopline.cli.output import emit, folder_option, hint, json_option, write_whole
from loopline.data.proposals.written import comment
from loopline.data.proposals.written import document as as_yaml
from loopline.errors import Fault, Mistake
from loopline.project import FILE, Loader, find_folder, load

if TYPE_CHECKING:
    from loopline.data.odcs.importing import Imported

COMMANDS: dict[str, tuple[str, str]] = {
    "export": ("data_contract:export", "Write the contract of all tables for other tools, as ODCS v3."),
    "import": ("data_contract:import_", "Read a contract of ODCS v3, and print it as it goes into loopline.yaml."),
}


@click.group(cls=LazyGroup, found=COMMANDS)
def contract() -> None:
    """The contract as other tools read and write it."""


@click.command()
@click.option("--format", "form", type=click.Choice(["odcs"]), default="odcs", show_default=True, help="The standard: Open Data Contract Standard v3.1.")
@click.option("--contract-version", default="1.0.0", show_default=True, metavar="V", help="The contract's own version, which the standard wants.")
@click.option("--status", default="active", show_default=True, metavar="S", help="The contract's status: draft, active, deprecated ...")
@click.option("-o", "--out", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file instead of printing it.")
@folder_option
@json_option
def export(form: str, contract_version: str, status: str, output: Path | None, folder: Path | None, as_json: bool) -> None:
    """Write the contract of all tables for other tools, as a file of the Open Data Contract Standard.

    What the standard has no words for stands in its custom properties, so that the file read back gives the same contract.
    """
    from loopline.data.odcs.odcs import exported

    project = load(folder.resolve() if folder is not None else find_folder(Path.cwd()))
    charter = project.declaration.charter
    document = exported(
        project.declaration.data,
        project=project.name,
        version=contract_version,
        status=status,
        description={"purpose": charter.problem, "usage": charter.decision},
        team={str(role): list(people) for role, people in charter.stakeholders.items()},
    )
    text = as_yaml(document)
    if output is not None:
        write_whole(output, text)
    tables = [item["name"] for item in document["schema"]]
    told = {"format": form, "version": document["apiVersion"], "tables": tables, "file": str(output) if output else None, "contract": document}
    said = f"{output}: {', '.join(tables)} as ODCS {document['apiVersion']}{hint(f'loopline data contract import {output}')}"
    emit(told, said if output else text.rstrip("\n"), as_json)


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--out", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file instead of printing it.")
@json_option
def import_(file: Path, output: Path | None, as_json: bool) -> None:
    """Read a contract of the Open Data Contract Standard (v3), and print it as it goes into loopline.yaml.

    What there is no place for is listed above it, with what it says: nothing is lost in silence. Needs no project.
    """
    from loopline.data.odcs.importing import imported

    found = imported(_document(file), where=str(file))
    text = _text(file, found)
    if output is not None:
        write_whole(output, text)
    tables = [*found.data["sources"], *found.data.get("tables", {})]
    told = {
        "file": str(file),
        **{name: found.about.get(name) for name in ("apiVersion", "id", "version", "status")},
        "tables": tables,
        "not_taken": [{"path": path, "value": value} for path, value in found.not_taken],
        "data": found.data,
        "yaml": text,
        "written": str(output) if output else None,
    }
    said = f"{output}: {', '.join(tables)}; {_left(found)}{hint('loopline data test')}"
    emit(told, said if output else text.rstrip("\n"), as_json)


def _left(found: Imported) -> str:
    return f"{len(found.not_taken)} fields have no place here and stand in its comments" if found.not_taken else "all of it has its place here"


def _document(file: Path) -> Any:
    import yaml

    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=Loader)
    except FileNotFoundError:
        raise Mistake("there is no such file", where=str(file), remedy="check the path") from None
    except UnicodeDecodeError:
        raise Mistake("the file is not UTF-8 text", where=str(file), remedy="save it as UTF-8") from None
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", where=str(file), remedy="check the path and its permissions") from None
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())[:160]
        raise Mistake(f"this is not YAML: {said}", where=str(file), remedy="mend it there") from None


def _text(file: Path, found: Imported) -> str:
    """The section ``data`` as YAML, with what was not taken above it."""
    about = ", ".join(f"{name} {found.about[name]}" for name in ("id", "version", "status") if name in found.about)
    lines = [f"# From {comment(file.name)}: ODCS {found.about.get('apiVersion', '')}, {comment(about)}. It goes into {FILE}."]
    if found.not_taken:
        lines += ["# Not taken, for there is no place for it here:", *(f"#   {comment(path)}: {comment(str(value))}" for path, value in found.not_taken)]
    return "\n".join(lines) + "\n" + as_yaml({"data": dict(found.data)})
