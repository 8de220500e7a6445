"""The units: systemd itself accepts them, and what they shut off stays shut off."""

import os
import shutil
import subprocess

import pytest

from loopline.errors import Mistake
from loopline.release.deploy.systemd import target, unit
from tests.release.deploying import serving


def settings(text):
    """From each setting to its values, in their order."""
    found = {}
    for line in text.splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def manager(tmp_path):
    """Asks systemd about a file."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")

    def asked(*words):
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
        ended = subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=60, env=environment)
        return ended.returncode, ended.stdout + ended.stderr

    return asked


@pytest.mark.parametrize("name", ["plain", "with space", "100% \"quoted\" $HOME 'and' \\slash"])
@pytest.mark.parametrize("kind", ["system", "user"])
def test_systemd_accepts_the_unit_wherever_the_project_lies(manager, tmp_path, name, kind):
    folder = tmp_path / name
    (folder / ".loopline").mkdir(parents=True)
    asked = serving(folder)
    file = tmp_path / f"{asked.name}.service"
    file.write_text(unit(asked, is_system=kind == "system"))
    code, said = manager(f"--{kind}", "verify", file)
    assert (code, said) == (0, "")


def test_systemd_finds_little_that_is_open(manager, tmp_path):
    file = tmp_path / "loopline-shop.service"
    file.write_text(unit(serving(tmp_path), is_system=True))
    code, said = manager("security", "--offline=yes", "--threshold=30", file)
    assert code == 0, said


def test_it_restarts_within_what_was_measured(tmp_path):
    for is_system in (False, True):
        told = settings(unit(serving(tmp_path), is_system=is_system))
        assert told["Restart"] == ["on-failure"]
        assert told["MemoryMax"] == ["384000000"]
        assert int(told["MemoryHigh"][0]) < 384_000_000
        assert told["NoNewPrivileges"] == ["yes"]
        assert told["EnvironmentFile"][0].startswith("-")


def test_the_machine_s_unit_writes_only_where_ledger_and_lake_are(tmp_path):
    told = settings(unit(serving(tmp_path, rooms=(tmp_path / ".loopline", tmp_path / "lake")), is_system=True))
    assert told["ProtectSystem"] == ["strict"]
    assert told["ReadWritePaths"] == [f'"{tmp_path}/.loopline" "{tmp_path}/lake"']
    assert told["User"] == [tmp_path.owner()]


def test_both_are_written_and_how_to_install_them_is_said(tmp_path):
    plan = target(serving(tmp_path))
    assert set(plan.files) == {"user/loopline-shop-1.service", "system/loopline-shop-1.service"}
    assert f"systemctl --user enable --now {tmp_path}/out/user/loopline-shop-1.service" in plan.notes[0]


def test_a_folder_that_a_unit_cannot_name_is_refused(tmp_path):
    folder = tmp_path / "two\nlines"
    folder.mkdir()
    with pytest.raises(Mistake, match="a unit cannot name this folder"):
        target(serving(folder))
