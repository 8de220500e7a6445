"""Units of systemd: one for a user's own manager, one for the system's, each shut off from all that serving does not need."""

from __future__ import annotations

import sys
from shlex import quote

from loopline.errors import Mistake
from loopline.release.deploy.target import Plan, Serving

SHARED = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077"""
"""What every manager can shut off."""

SYSTEM = """\
CapabilityBoundingSet=
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes"""
"""What only the system's manager may shut off: a user's has no rights that it could take away."""


def target(serving: Serving) -> Plan:
    """Write both units; installing one is a command that is said.

    Raises
    ------
    Mistake
        When the folder's path cannot be written into a unit.
    """
    if not str(serving.folder).isprintable():
        raise Mistake("a unit cannot name this folder", where=str(serving.folder), remedy="move the project to a folder without control characters")
    name = f"{serving.name}.service"
    notes = (
        f"for yourself: systemctl --user enable --now {quote(str(serving.output / 'user' / name))}",
        f"for the machine: sudo systemctl enable --now {quote(str(serving.output / 'system' / name))}",
    )
    return Plan(files={f"user/{name}": unit(serving, is_system=False), f"system/{name}": unit(serving, is_system=True)}, notes=notes)


def unit(serving: Serving, *, is_system: bool) -> str:
    """A unit's text; secrets come from a file of variables that only the manager must be able to read.

    References
    ----------
    systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.resource-control(5).
    """
    folder, needs = str(serving.folder), serving.needs
    words = [sys.executable, "-P", "-m", "loopline.cli.main", "serve", "--folder", folder, "--host", serving.host, "--port", str(serving.port)]
    variables = f"/etc/loopline/{serving.name}.env" if is_system else f"%h/.config/loopline/{serving.name}.env"
    network = "Wants=network-online.target\nAfter=network-online.target\n" if is_system else ""
    rooms = " ".join(_quoted(str(room)) for room in dict.fromkeys((serving.folder / ".loopline", *serving.rooms)))
    rights = f"User={serving.folder.owner()}\nReadWritePaths={rooms}\n{SYSTEM}\n" if is_system else ""
    return f"""\
# {serving.head}
[Unit]
Description=Loopline serves {serving.project}
{network}StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=exec
WorkingDirectory={folder.replace("%", "%%")}
ExecStart={" ".join(_quoted(word).replace("$", "$$") for word in words)}
EnvironmentFile=-{variables}
Restart=on-failure
RestartSec=2
TimeoutStopSec=45
MemoryHigh={needs.memory_limit_mb * 9 // 10}000000
MemoryMax={needs.memory_limit_mb}000000
TasksMax=256
{rights}{SHARED}

[Install]
WantedBy={"multi-user" if is_system else "default"}.target
"""


def _quoted(word: str) -> str:
    """A word as systemd reads it back: a percent sign would begin a specifier."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
