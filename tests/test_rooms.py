"""A step's key tells whether its result still holds: its rooms name every module of Loopline that the result depends on."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "loopline"
STAGES = ("charter", "data", "model", "release", "serve", "watch", "value")
CANNOT_CHANGE_A_RESULT = {
    "errors.py": "how a failure is told, and a step that failed has no result",
    "ledger": "carries entries: what is read from it is an input",
    "lake": "carries tables and blobs by version and digest",
    "engine": "runs a function, whichever it is",
    "access": "who may speak, and where secrets lie",
    "workspace.py": "hands a step its means",
    "tell.py": "sends a message",
}
NAMED = re.compile(r"loopline(?:\.\w+)+(?=:\w+$)")


def files_of(module: str) -> list[str]:
    """The file of a dotted name, relative to the package; none where it is no module of it, or a folder's empty door."""
    place = SOURCE.joinpath(*module.split(".")[1:])
    return [place.with_suffix(".py").relative_to(SOURCE).as_posix()] if module.startswith("loopline.") and place.with_suffix(".py").is_file() else []


def imported(file: str) -> Iterator[str]:
    """The files that a module imports, or names as a function to run."""
    for node in ast.walk(ast.parse((SOURCE / file).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = NAMED.findall(node.value)
        else:
            continue
        for name in names:
            yield from files_of(name)


def lies_in(file: str, rooms: object) -> bool:
    assert isinstance(rooms, (tuple, dict))
    return any(file == room or file.startswith(f"{room}/") for room in rooms)


def closure(file: str) -> set[str]:
    """What a result of the module may depend on; what cannot change one is not followed."""
    seen, todo = set(), [file]
    while todo:
        one = todo.pop()
        if one not in seen and not lies_in(one, CANNOT_CHANGE_A_RESULT):
            seen.add(one)
            todo += imported(one)
    return seen


def steps_of(stage: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The function and the rooms of each step that a stage's door asks for."""
    module = importlib.import_module(f"loopline.{stage}.stage")
    for node in ast.walk(ast.parse((SOURCE / stage / "stage.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Step":
            words = {word.arg: ast.Expression(word.value) for word in node.keywords}
            function, rooms = (eval(compile(words[name], stage, "eval"), vars(module)) for name in ("function", "rooms"))
            yield function, rooms


STEPS = [(function, rooms) for stage in STAGES for function, rooms in steps_of(stage)]


def test_every_stage_asks_for_a_step() -> None:
    assert {function.split(".")[1] for function, _ in STEPS} == set(STAGES)


@pytest.mark.parametrize(("function", "rooms"), STEPS, ids=[function for function, _ in STEPS])
def test_the_rooms_of_a_step_hold_all_that_its_function_imports(function: str, rooms: tuple[str, ...]) -> None:
    (file,) = files_of(function.partition(":")[0])
    absent = sorted(one for one in closure(file) if not lies_in(one, rooms))
    assert not absent, f"the rooms of {function} leave out {', '.join(absent)}"


@pytest.mark.parametrize(("function", "rooms"), STEPS, ids=[function for function, _ in STEPS])
def test_every_room_is_there(function: str, rooms: tuple[str, ...]) -> None:
    assert all((SOURCE / room).exists() for room in rooms)


def test_what_is_left_out_is_there() -> None:
    assert all((SOURCE / name).exists() for name in CANNOT_CHANGE_A_RESULT)
