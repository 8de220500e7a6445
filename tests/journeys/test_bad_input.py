"""What people get wrong: each is one line with the remedy and exit code 2, and nothing is half-written."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from tests.journeys.conftest import Shell, visits, write_csv


def refused(shell, *words, says, **environment):
    """One line on standard error that says what is wrong; exit code 2."""
    shell(*words, code=2, **environment)
    lines = shell.stderr.strip().splitlines()
    assert says.lower() in lines[-1].lower(), shell.stderr
    assert lines[-1].startswith("loopline: ")


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.csv", None, "missing.csv"),
        ("empty.csv", "", "empty"),
        ("header.csv", "a,b,y\n", "no row"),
        ("twice.csv", "a,a,y\n" + "1,2,0\n3,4,1\n" * 40, "a"),
        ("one_class.csv", "a,y\n" + "1,0\n" * 80, "one"),
        ("no_target.csv", "a,z\n" + "1,0\n2,1\n" * 40, "y"),
        ("null_target.csv", "a,y\n" + "1,\n" * 80, "y"),
        ("few.csv", "a,y\n" + "1,0\n2,1\n" * 10, "50"),
        ("image.csv", "\x00\x01\x02\x89PNG" * 50, ""),
    ],
)
def test_init_refuses_what_cannot_be_learned_from(shell, name, content, says):
    if content is not None:
        (shell.folder / name).write_text(content)
    refused(shell, "init", name, "--target", "y", says=says)
    assert not (shell.folder / "loopline.yaml").exists()


def test_init_refuses_a_folder_without_data(shell):
    (shell.folder / "data").mkdir()
    refused(shell, "init", "data", "--target", "y", says="data")


def test_init_does_not_overwrite_a_declaration(shell):
    write_csv(shell.folder / "visits.csv", visits(100))
    (shell.folder / "loopline.yaml").write_text("mine")
    refused(shell, "init", "visits.csv", "--target", "bought", says="loopline.yaml")
    assert (shell.folder / "loopline.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("project:", "projct:", "did you mean 'project'"),
        ("charter:", "charter:\n\t", "tab"),
        ("act_right: 1", "act_right: 2 * pgaes", "pages"),
        ("path: visits.csv", "path: vists.csv", "vists.csv"),
        ("predict: bought", "predict: bougth", "bought"),
    ],
)
def test_run_refuses_a_mistaken_declaration(shop, old, new, says):
    declaration = shop.folder / "loopline.yaml"
    assert old in declaration.read_text()
    declaration.write_text(declaration.read_text().replace(old, new, 1))
    refused(shop, "run", says=says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("visit,at,pages,source,minutes,bought\n", "no row"),
        ("visit,at,pages,source,minutes,bought\n" + "v,2024-01-01,1,mail,2.0,yes\n" * 80, ""),
        ("visit,at,pages,pages,minutes,bought\n" + "v,2024-01-01,1,2,2.0,yes\n" * 80, "pages"),
    ],
)
def test_run_refuses_data_that_cannot_be_learned_from_and_recovers(shop, content, says):
    good = (shop.folder / "visits.csv").read_text()
    (shop.folder / "visits.csv").write_text(content)
    refused(shop, "run", says=says)
    (shop.folder / "visits.csv").write_text(good)
    assert shop.json("run")["champion"]


def test_serve_refuses_a_port_in_use(ran):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused(ran, "serve", "--port", taken.getsockname()[1], says="in use")


@pytest.fixture
def mounted(tmp_path):
    """A small file system of its own, where this machine lets us mount one."""
    place = tmp_path / "mounted"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here: a full and a read-only disk are not tried")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_read_only_folder_is_named(mounted):
    write_csv(mounted / "visits.csv", visits(200))
    shell = Shell(mounted)
    shell("init", "visits.csv", "--target", "bought")
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    refused(shell, "run", says="read-only")
    refused(shell, "init", "visits.csv", "--target", "bought", "--force", says="read-only")


def test_a_full_disk_is_named_and_the_run_goes_on_once_there_is_room(mounted):
    write_csv(mounted / "visits.csv", visits(600))
    shell = Shell(mounted)
    shell("init", "visits.csv", "--target", "bought")
    declaration = mounted / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("trials: 20", "trials: 3"))
    filler = mounted / "filler"
    with filler.open("wb") as file:
        room = os.statvfs(mounted)
        file.write(b"x" * (room.f_bavail * room.f_bsize - 200_000))
    refused(shell, "run", says="disk is full")
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", mounted], check=True)
    assert shell.json("run")["champion"]
    assert shell.json("ledger", "verify")["intact"]
