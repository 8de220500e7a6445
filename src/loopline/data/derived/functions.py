"""A project's own functions: where their source lies, and what they raise as one line that names it; light."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from loopline.errors import LooplineError, Mistake


def module_file(name: str, folder: Path) -> Path | None:
    """The file of the module in ``module:function``, where it lies beside the declaration."""
    place = folder / name.partition(":")[0].replace(".", "/")
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def source_digest(name: str, folder: Path) -> str | None:
    """The digest of the module's source; None where it does not lie beside the declaration."""
    file = module_file(name, folder)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file is not None else None


def load(name: str, folder: Path, *, where: str) -> Callable[..., Any]:
    """The function that ``module:function`` names, as its source is now; modules beside the declaration come first.

    Raises
    ------
    Mistake
        When there is no such module or function, or the module cannot be imported.
    """
    module_name, _, attribute = name.partition(":")
    file = module_file(name, folder)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = import_module(module_name) if file is None else _executed(module_name, file)
    except ModuleNotFoundError as error:
        if file is None and error.name == module_name.partition(".")[0]:
            raise Mistake(f"there is no module {module_name!r}", where=where, remedy=f"put {module_name.replace('.', '/')}.py beside loopline.yaml") from None
        raise told(error, file, where=where) from None
    except Exception as error:  # whatever a user's module does when it is imported
        raise told(error, file, where=where) from None
    function = getattr(module, attribute, None)
    if not callable(function):
        raise Mistake(f"module {module_name!r} has no function {attribute!r}", where=where, remedy="write module:function")
    found: Callable[..., Any] = function
    return found


def _executed(name: str, file: Path) -> Any:
    """The module, executed anew: another version of it may have been imported before."""
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def told(error: Exception, file: Path | None, *, where: str, function: Callable[..., Any] | None = None) -> LooplineError:
    """What a user's function raised, as one line with its file and line number; errors of ours stay as they are."""
    if isinstance(error, LooplineError):
        return error
    said = next(iter(str(error).strip().splitlines()), "")
    what = f"{type(error).__name__}: {said[:300]}" if said else type(error).__name__
    place = _place(error, file, function)
    return Mistake(what, where=f"{where} ({place})" if place else where, remedy="mend the function, then: loopline run")


def _place(error: Exception, file: Path | None, function: Callable[..., Any] | None) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if file is not None and Path(frame.filename) == file]
    if own:
        return f"{Path(own[-1].filename).name}, line {own[-1].lineno}"
    code = getattr(function, "__code__", None)
    # What a lazy frame raises when it is collected comes from no line of the function.
    return f"{Path(code.co_filename).name}, line {code.co_firstlineno}" if code is not None else ""
