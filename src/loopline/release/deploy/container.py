"""An image with what serving needs and no more: packages by their hashes, Loopline's own files, and the declaration."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from shlex import quote

from loopline.release.deploy.target import Plan, Serving

LOCK = Path(__file__).with_name("serving.lock")
"""The exact packages of the image, with the hashes of their files."""

INSTALL = "python -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --target /packages --requirement serving.lock"
USER = 10001
UNASKED = (
    "callers are not asked who they are, for nobody has a token: publish the port to this machine alone, or make a token and deploy again: "
    "loopline access token create --for NAME --role predict"
)

_CONTAINERFILE = """\
# {head}
# The image holds no data, no ledger and no secret: mount or name them where it runs.
# Pin the base, too: build with --build-arg BASE=python:3.11-slim@sha256:...
ARG BASE=python:3.11-slim

FROM ${{BASE}} AS packages
WORKDIR /build
COPY serving.lock .
RUN {install}
ADD loopline.tar /packages/

FROM ${{BASE}}
LABEL org.opencontainers.image.title={project} loopline.package={package}
COPY --from=packages /packages /packages
RUN install -d -o {user} -g {user} /project/.loopline
COPY loopline.yaml /project/loopline.yaml
ENV PYTHONPATH=/packages PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /project
USER {user}:{user}
VOLUME /project/.loopline
EXPOSE {port}
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD {health}
ENTRYPOINT {entry}
CMD {words}
"""


def target(serving: Serving) -> Plan:
    """Write what an image is built from; building and running it are commands that are said."""
    image, limit = serving.image_name, serving.needs.memory_limit_mb
    shut_off = f"--read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges --memory {limit}m"
    publish = f"--publish 127.0.0.1:{serving.port}:{serving.port}"
    run = f'run it: podman run --rm {shut_off} --user "$(id -u):$(id -g)" {_volumes(serving)} {publish} {image}'
    reach = "callers need a token" if serving.has_tokens else UNASKED
    return Plan(files=files(serving), notes=(f"build it: podman build --tag {image} {quote(str(serving.output))}", run, reach))


def files(serving: Serving) -> dict[str, str | bytes]:
    """What the image is built from, by name."""
    held: dict[str, str | bytes] = {
        "serving.lock": LOCK.read_text(encoding="utf-8"),
        "loopline.tar": source(),
        "loopline.yaml": (serving.folder / "loopline.yaml").read_bytes(),
    }
    ignore = "\n".join(["*", *(f"!{name}" for name in held)]) + "\n"
    return {"Containerfile": containerfile(serving), ".containerignore": ignore, **held}


def containerfile(serving: Serving) -> str:
    """The text of the Containerfile: packages are installed in a stage of their own, and the image runs as nobody."""
    probe = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{serving.port}/healthz', timeout=2)"
    return _CONTAINERFILE.format(
        head=serving.head,
        install=INSTALL,
        project=json.dumps(serving.project),
        package=serving.package,
        user=USER,
        port=serving.port,
        health=json.dumps(["python", "-c", probe]),
        entry=json.dumps(["python", "-P", "-m", "loopline.cli.main", "serve", "--folder", "/project"]),
        words=json.dumps(words(serving)),
    )


def words(serving: Serving) -> list[str]:
    """What the server is told inside: it listens at every address, and asks callers for their tokens where there are any."""
    return ["--host", "0.0.0.0", "--port", str(serving.port), *([] if serving.has_tokens else ["--insecure"])]


def _volumes(serving: Serving) -> str:
    """The folders that the server writes to, each where the declaration finds it inside."""
    home = serving.folder / ".loopline"
    rooms = (home, *(room for room in serving.rooms if not room.is_relative_to(home)))
    places = (Path("/project") / room.relative_to(serving.folder) if room.is_relative_to(serving.folder) else room for room in rooms)
    return " ".join(f"--volume {quote(f'{room}:{place}')}" for room, place in zip(rooms, places, strict=True))


def source() -> bytes:
    """Loopline's own files as they run here, as a tar; the same files give the same bytes."""
    root = Path(__file__).parents[2]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                held = path.read_bytes()
                member = tarfile.TarInfo(path.relative_to(root.parent).as_posix())
                member.size, member.mode = len(held), 0o644
                archive.addfile(member, io.BytesIO(held))
    return packed.getvalue()
