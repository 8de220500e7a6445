"""Wheel and sdist build, hold all that is needed, and the wheel works where it is installed."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=170)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def wheel(built):
    return built[0]


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (path for path in (SOURCE / "loopline").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert held == {path.relative_to(SOURCE).as_posix() for path in files}
    assert "loopline/py.typed" in held
    assert any("/migrations/versions/" in name for name in held)
    assert any("/templates/" in name for name in held)


def test_the_wheel_carries_its_licence_and_says_what_it_needs(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    for line in ("License-Expression: Apache-2.0", "Requires-Python: >=3.11", "Provides-Extra: demo", "Requires-Dist: polars"):
        assert line in metadata
    assert "torch" not in metadata


def test_the_sdist_holds_what_the_tests_need(built):
    with tarfile.open(built[1]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "requirements.lock", "tests/conftest.py", "examples/mini_loop.py", "bench/run.py"} <= held
    assert not [name for name in held if "__pycache__" in name or name.startswith((".venv", "dist"))]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An empty environment with the wheel in it; what the wheel needs is borrowed from the tests' environment."""
    home = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=120)
    python = home / "bin" / "python"
    words = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    (packages,) = home.glob("lib/python*/site-packages")
    # A path in a .pth file is added as it is: the editable install in it is not followed.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def call(words, folder):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=120, env=environment)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_installed_command_runs(installed, tmp_path):
    assert call([installed / "loopline", "--version"], tmp_path).startswith("loopline ")
    assert "project" in call([installed / "loopline", "schema"], tmp_path)


def test_the_installed_package_is_the_wheels_and_opens_a_ledger(installed, tmp_path):
    code = (
        "import loopline, loopline.ledger.store as store\n"
        f"with store.Ledger.open('sqlite:///{tmp_path}/ledger.db', 'p') as ledger:\n"
        "    print(loopline.__file__, ledger.verify().intact)"
    )
    place, intact = call([installed / "python", "-c", code], tmp_path).split()
    assert Path(place).is_relative_to(installed.parent)
    assert intact == "True"
