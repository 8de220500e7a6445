"""``loopline model card | export | import | sign | trust``: a package for others to read, and whose packages are trusted."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click

from loopline.cli.options import by_option
from loopline.cli.output import emit, folder_option, hint, json_option, table
from loopline.errors import Mistake
from loopline.loop import Loop, open_loop
from loopline.model.packages import named


@click.command()
@click.argument("key", required=False)
@click.option("--as", "name", metavar="NAME", help="Whose key it is.")
@click.option("--withdraw", is_flag=True, help="Trust it no more: neither the packages that it signed, nor what its owner approved with it.")
@by_option
@folder_option
@json_option
def trust(key: str | None, name: str | None, withdraw: bool, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Trust the packages and words that KEY signs, or list whose are trusted; one's own key is shown too."""
    from loopline.access.keys import own_key
    from loopline.access.people import person
    from loopline.model.signing import Trust, give_trust, withdraw_trust

    if withdraw and (key is None or name is not None):
        raise Mistake("a key is withdrawn by itself", where="--withdraw", remedy="loopline model trust KEY --withdraw")
    if key is not None and name is None and not withdraw:
        raise Mistake("nobody is named whose key it is", where="--as", remedy=f"loopline model trust {key} --as NAME")
    with open_loop(folder) as loop:
        ledger = loop.workspace.ledger
        who = person(by, folder=loop.project.folder).name if key is not None else ""
        if key is not None and withdraw:
            withdraw_trust(ledger, key, by=who)
        is_new = key is not None and name is not None and give_trust(ledger, key, name, by=who)
        now = Trust.of(ledger)
    own = own_key().public
    keys = [
        {"key": public, "name": who, "told_by": now.told_by[public], "by": now.given_by.get(public), "is_own": public == own}
        for public, who in now.keys.items()
    ]
    rows = [(one["key"], one["name"], one["by"] or one["told_by"], "yours" if one["is_own"] else "") for one in keys]
    shown = table(("key", "whose", "trusted by", ""), rows) if rows else "no key is trusted yet: the first one that signs here will be"
    emit({"keys": keys, "own": own, "is_new": is_new}, lambda: f"{shown}\nyour key: {own}" + hint("loopline model list"), as_json)


@click.command()
@click.argument("digest", required=False)
@folder_option
@json_option
def sign(digest: str | None, folder: Path | None, as_json: bool) -> None:
    """Sign a package with one's own key: one says that it is one's own; DIGEST may be cut short, and is the newest package's by default."""
    from loopline.access.people import person
    from loopline.lake.blobs import Blobs
    from loopline.model.package import load_manifest, written
    from loopline.model.signing import sign as signed
    from loopline.model.signing import signer

    with open_loop(folder) as loop:
        ledger, package = loop.workspace.ledger, named(loop.state(), digest).subject
        manifest = written(load_manifest(Blobs(loop.workspace.lake), package))
        made = signed(ledger, package, manifest, signer(ledger, name=person(folder=loop.project.folder).name))
    emit({"package": package, **made.as_json()}, lambda: f"{package[:12]} is signed with {made.key}" + hint("loopline run"), as_json)


@click.command()
@click.argument("digest", required=False)
@click.option("--to", "to", required=True, type=click.Path(path_type=Path), metavar="FOLDER|FILE.zip", help="Where it is written; nothing may be there yet.")
@folder_option
@json_option
def export(digest: str | None, to: Path, folder: Path | None, as_json: bool) -> None:
    """Write a package as one folder or zip file, signed, which is an MLflow model too; DIGEST is the newest package's by default."""
    with open_loop(folder) as loop:
        package = named(loop.state(), digest).subject
        place = exported(loop, package, to)
    emit({"package": package, "to": str(place)}, lambda: f"{package[:12]} is in {place}" + hint(f"loopline model import {place}"), as_json)


def exported(loop: Loop, digest: str, to: Path) -> Path:
    """Where a package lies as one folder or zip file, signed, once it is written."""
    from loopline.lake.blobs import Blobs
    from loopline.model import folder as folders
    from loopline.model.mlmodel import files
    from loopline.model.package import load
    from loopline.model.signing import Trust

    known = Trust.of(loop.workspace.ledger)
    package = load(Blobs(loop.workspace.lake), digest, known)
    more = {**files(package), "README.md": folders.said_of(package.manifest)}
    return folders.write(package, known.signatures[package.digest], to, more=more)


@click.command()
@click.argument("digest", required=False)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.html|.md", help="Write it there; else Markdown is printed.")
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser; where there is none, say where the file is.")
@folder_option
@json_option
def card(digest: str | None, output: Path | None, is_opened: bool, folder: Path | None, as_json: bool) -> None:
    """Show or write a package's card for a business reader; DIGEST may be cut short, and is the newest package's by default."""
    from loopline.lake.blobs import Blobs
    from loopline.model.package import load, written
    from loopline.model.signing import Trust

    if output is not None and output.suffix not in (".html", ".md"):
        raise Mistake(f"{output.suffix or output.name!r} is no kind of card", where="--output", remedy="name a file that ends with .html or .md")
    if output is not None and is_opened and output.suffix != ".html":
        raise Mistake("a browser shows the page", where="--output, --open", remedy="name a file that ends with .html, or leave --output out")
    with open_loop(folder) as loop:
        known = Trust.of(loop.workspace.ledger)
        package = load(Blobs(loop.workspace.lake), named(loop.state(), digest).subject, known)
    by = known.require(package.digest, written(package.manifest))
    if output is None and is_opened:
        # The browser reads it after this process has ended, so that it stays.
        output = Path(mkdtemp(prefix="loopline-")) / f"card-{package.digest[:12]}.html"
    text = package.text("card.md" if output is None else f"card{output.suffix}")
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Mistake(f"the card cannot be written ({error.strerror})", where=str(output), remedy="give a file that can be written") from None
    seen = output is not None and is_opened and not as_json and _opened(output)
    said = {"package": package.digest, "signed_by": by, "output": None if output is None else str(output), "card": text if output is None else None}
    where = f"the card of {package.digest[:12]} is in {output}{', and open in the browser' if seen else ''}"
    emit(said, lambda: f"{text.rstrip()}\n\nSigned by {by}." if output is None else where, as_json)


def _opened(page: Path) -> bool:
    """Whether a browser took the page; without a display only text browsers are there, which would take the terminal."""
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        return False
    return webbrowser.open(page.resolve().as_uri())


@click.command(name="import")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--withdraw", is_flag=True, help="Take back what was imported last: the search's package is the candidate again.")
@by_option
@folder_option
@json_option
def import_(path: Path | None, withdraw: bool, by: str | None, folder: Path | None, as_json: bool) -> None:
    """Bring in a model as a candidate: an exported package, an MLflow model with an ONNX graph, or an .onnx file; it passes the same gates."""
    from loopline.access.people import person
    from loopline.ledger.entry import Draft

    if (path is None) != withdraw:
        raise Mistake(
            "either a model is imported or the last one is withdrawn", where="PATH", remedy="loopline model import PATH, or loopline model import --withdraw"
        )
    with open_loop(folder) as loop:
        who = person(by, folder=loop.project.folder).name
        body = {"state": "withdrawn"} if path is None else _proposal(loop, path)
        loop.workspace.ledger.append(Draft(kind="import", subject=body.get("package") or body.get("graph") or "", body=body, actor=who))
    said = "it is withdrawn" if path is None else f"{path} is a candidate: the next run judges it, and its gates decide"
    emit({"path": None if path is None else str(path), **body}, lambda: said + hint("loopline run"), as_json)


def _proposal(loop: Loop, path: Path) -> dict[str, Any]:
    """What was brought in, once it is in the lake and fits the table."""
    from loopline.lake.blobs import Blobs
    from loopline.model.folder import is_package, read
    from loopline.model.foreign import maker, match
    from loopline.model.foreign import read as graph_of
    from loopline.model.order import columns_of
    from loopline.model.package import store, written
    from loopline.model.signing import Trust, enter

    place = str(path.resolve())
    ledger, blobs, state = loop.workspace.ledger, Blobs(loop.workspace.lake), loop.state()
    if path.exists() and is_package(path):
        package, signatures = read(path)
        if not signatures:
            remedy = f"where it was made: loopline model sign {package.digest[:12]}, and then loopline model export again"
            raise Mistake("the package is not signed: nobody says that it is theirs", where=str(path), remedy=remedy)
        Trust(Trust.of(ledger).keys, {package.digest: signatures}).require(package.digest, written(package.manifest))
        store(blobs, package)
        for signature in signatures:
            enter(ledger, package.digest, signature)
        source = {"form": "package", "maker": "", "path": place}
        return {"state": "proposed", "name": path.name, "package": package.digest, "source": source}
    graph = graph_of(path)
    facts = {**(state.facts("data", "ingest") or {}), **(state.facts("data", "join") or {})}
    if not facts:
        raise Mistake("the project has no data yet to judge it on", where=str(path), remedy="loopline run --until data")
    predict = loop.project.declaration.charter.predict
    columns = [column for column in columns_of(facts) if column.name != predict]
    match(graph, columns, task=facts["task"], classes=facts["classes"], positive=facts["positive"])
    source = {"form": "mlflow" if path.is_dir() else "onnx", "maker": maker(graph), "path": place}
    return {"state": "proposed", "name": path.name, "graph": blobs.put(graph.data), "columns": list(graph.columns), "source": source}
