"""The pipelines of the providers: each calls ``loopline ci run`` and no more, and holds secrets only by their names."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

from loopline.errors import Mistake
from loopline.project import Declaration, Project


@dataclass(frozen=True)
class Setting:
    """What a person sets where the provider keeps secrets, and what for."""

    name: str
    why: str


@dataclass(frozen=True)
class Pipeline:
    """A provider's pipeline.

    Parameters
    ----------
    file
        Where the provider looks for it, from the root of the repository.
    template
        Its text's place among this room's files.
    place
        Where the provider keeps secrets.
    """

    file: str
    template: str
    place: str
    settings: tuple[Setting, ...]


_LEDGER = "the shared ledger, such as postgresql://user:password@host/database; without it there is no champion to compare with"
_LAKE = "the shared lake, such as s3://bucket/prefix; the store's own variables (AWS_ACCESS_KEY_ID, ...) beside it"
_READ = "by a login that can only read: they run code that nobody may have read yet"
_KEY = "the private key that signs packages on the main branch, as PEM; its public half is under keys: in loopline.yaml"
_NAMED = re.compile(r"""(?:^|["'\[,])\s*loopline\s*(?=$|[\[@=<>~!;"'#,])""", flags=re.MULTILINE)
_EXAMPLE = "'loopline @ git+URL@COMMIT'"
PROVIDERS = {
    "github": Pipeline(
        ".github/workflows/loopline.yml",
        "github.yml",
        "Settings, Secrets and variables, Actions",
        (
            Setting("LOOPLINE_LEDGER", _LEDGER),
            Setting("LOOPLINE_LAKE", _LAKE),
            Setting("LOOPLINE_LEDGER_READ", f"the ledger for pull requests, {_READ}"),
            Setting("LOOPLINE_LAKE_READ", f"the lake for pull requests, {_READ}"),
            Setting("LOOPLINE_SIGNING_KEY", _KEY),
        ),
    ),
    "gitlab": Pipeline(
        ".gitlab-ci.yml",
        "gitlab.yml",
        "Settings, CI/CD, Variables (masked; protected where only the main branch needs them)",
        (
            Setting("LOOPLINE_LEDGER", _LEDGER),
            Setting("LOOPLINE_LAKE", _LAKE),
            Setting("LOOPLINE_KEY", f"{_KEY}; a variable of the type File"),
            Setting("LOOPLINE_GITLAB_TOKEN", "a project access token with the scope api, for the comment on the merge request; without it there is none"),
        ),
    ),
    "jenkins": Pipeline(
        "Jenkinsfile",
        "Jenkinsfile",
        "Manage Jenkins, Credentials",
        (
            Setting("loopline-ledger", f"secret text: {_LEDGER}"),
            Setting("loopline-lake", f"secret text: {_LAKE}"),
            Setting("loopline-key", f"secret file: {_KEY}"),
        ),
    ),
}


def text_of(provider: str, *, folder: str, requirement: str) -> str:
    """A provider's file.

    Parameters
    ----------
    folder
        The project's folder, from the root of the repository.
    requirement
        What ``pip install`` is told, as `requirement_of` says.
    """
    text = files("loopline.ci").joinpath("pipelines", PROVIDERS[provider].template).read_text(encoding="utf-8")
    return text.replace("@FOLDER@", shlex.quote(folder)).replace("@INSTALL@", requirement)


def root_of(folder: Path) -> Path:
    """The root of the repository that a folder lies in; the folder itself where it lies in none."""
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)


def place_of(project: Project, root: Path) -> str:
    """The project's folder from the root of the repository, as a pipeline may name it.

    Raises
    ------
    Mistake
        When its name cannot stand in every pipeline.
    """
    place = project.folder.relative_to(root).as_posix()
    if not re.fullmatch(r"[\w./-]+", place):
        raise Mistake(f"the folder {place!r} has a name that pipelines trip over", where=str(root), remedy="rename it: letters, digits, - and _")
    return place


def requirement_of(project: Project, root: Path) -> str:
    """What ``pip install`` is told in a pipeline: the project's own requirements where they name Loopline, else how it was installed here.

    Raises
    ------
    Mistake
        When neither says where a pipeline finds it: asked for by its number, it might be somebody else's, who would run beside the secrets.
    """
    for folder in dict.fromkeys((project.folder, root)):
        place = folder.relative_to(root).as_posix()
        for name in ("requirements.lock", "requirements.txt"):
            if _names_loopline(folder / name):
                return f"--requirement {(Path(place) / name).as_posix()}"
        if _names_loopline(folder / "pyproject.toml"):
            return shlex.quote(f"./{place}" if place != "." else ".")
    try:
        found = distribution("loopline")
    except PackageNotFoundError:
        raise _unknown("what runs here was not installed") from None
    name, direct = f"loopline[{','.join(sorted(_extras(project.declaration)))}]", json.loads(found.read_text("direct_url.json") or "{}")
    return shlex.quote(installed(name, found.version, direct))


def installed(name: str, version: str, direct: Mapping[str, Any]) -> str:
    """The requirement by which a pipeline installs what was installed here.

    Parameters
    ----------
    name
        The package's name with its extras.
    direct
        Where it was installed from, as ``direct_url.json`` says; empty where an index gave it.

    Raises
    ------
    Mistake
        When it came from this machine, which no pipeline reaches.

    References
    ----------
    PEP 610, "Recording the Direct URL Origin of installed distributions".
    """
    if not direct:
        return f"{name}=={version}"
    if "vcs_info" in direct:
        return f"{name} @ {direct['vcs_info']['vcs']}+{_without_secret(direct['url'])}@{direct['vcs_info']['commit_id']}"
    if direct["url"].startswith("file:"):
        raise _unknown(f"Loopline {version} was installed from this machine")
    return f"{name} @ {_without_secret(direct['url'])}"


def given(text: str) -> str:
    """What ``pip install`` is told, as a person says it.

    Raises
    ------
    Mistake
        When it cannot stand in every pipeline.
    """
    if not re.fullmatch(r"[\w\[./][\w ./@+:=,\[\]<>~!;#%&-]*", text, flags=re.ASCII) or ": " in text or " #" in text:
        raise Mistake(f"{text[:60]!r} is no requirement that every pipeline can hold", where="--requirement", remedy=f"write it as {_EXAMPLE}")
    return shlex.quote(text)


def _unknown(why: str) -> Mistake:
    remedy = f"name it in requirements.txt or pyproject.toml, install it from a commit of a repository (pip install git+URL), or add --requirement {_EXAMPLE}"
    return Mistake(f"{why}, so that a pipeline is not told where to find it", where="ci init", remedy=remedy)


def _names_loopline(file: Path) -> bool:
    """Whether a file of requirements names Loopline."""
    return file.is_file() and _NAMED.search(file.read_text(encoding="utf-8")) is not None


def _extras(declared: Declaration) -> set[str]:
    """The extras for a shared workspace, and for the families that are declared."""
    return {"postgres", "s3"} | ({"xgboost", "catboost"} & set(declared.model.families))


def _without_secret(url: str) -> str:
    return re.sub(r"(?<=://)[^/@]*@", "", url)
