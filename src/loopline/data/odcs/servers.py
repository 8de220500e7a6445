"""Sources and the servers of the Open Data Contract Standard, either way; no password crosses over; pure."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from loopline.data.odcs.columns import take
from loopline.data.spec_source import SourceSpec

_DATABASES = {"postgresql": ("postgres", 5432), "mysql": ("mysql", 3306), "mariadb": ("mysql", 3306)}
_PLACEHOLDER = re.compile(r"\$?\{(?:model|table|object|schema|name)\}")
_FORMATS = {"csv": "csv", "json": "json", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet", "delta": "delta", "excel": "excel", "arrow": "arrow"}


def server_of(name: str, source: SourceSpec) -> dict[str, Any]:
    """Where a source is, as a server of the standard; what it has no type for is a custom one."""
    place = source.place
    form = source.format or "csv"
    delimiter = {"delimiter": source.separator} if source.separator else {}
    scheme = place.partition("://")[0].partition("+")[0].lower() if "://" in place else ""
    if scheme in _DATABASES and (database := _database(name, place, *_DATABASES[scheme])) is not None:
        return database
    if scheme in ("s3", "s3a"):
        return {"server": name, "type": "s3", "location": place, "format": form, **delimiter}
    if scheme in ("az", "abfss", "azure"):
        return {"server": name, "type": "azure", "location": place, "format": form, **delimiter}
    if not scheme:
        return {"server": name, "type": "local", "path": place, "format": form}
    if scheme in ("http", "https", "gs"):
        return {"server": name, "type": "custom", "location": place, "format": form, **delimiter}
    return {"server": name, "type": "custom", "description": f"a database of {scheme}"}


def _database(name: str, url: str, kind: str, port: int) -> dict[str, Any] | None:
    try:
        parts = urlsplit(url)
        host, at = parts.hostname, parts.port or port
    except ValueError:
        return None
    database = parts.path.strip("/")
    if not host or not database or "$" in host or "$" in database:
        return None
    schema = {"schema": "public"} if kind == "postgres" else {}
    return {"server": name, "type": kind, "host": host, "port": at, "database": database, **schema}


def source_of(servers: Any, table: str, said: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A table's source, and the server that says where it is.

    The source is what we wrote of it, else what the contract's servers say: the one of the table's name, the one in production, the first; a
    file of the table's name where they say nothing.
    """
    listed = [server for server in servers if isinstance(server, dict)] if isinstance(servers, list) else []
    named = next((server for server in listed if server.get("server") == table), None)
    if said:
        return dict(said), named
    chosen = named or next((server for server in listed if server.get("environment") in ("prod", "production")), None) or next(iter(listed), None)
    found = _place(chosen, table) if chosen is not None else None
    return (found, chosen) if found else ({"path": f"{table}.csv"}, None)


def forget(server: dict[str, Any], *, whole: bool) -> None:
    """Take out of a server what a source says of it; all of it where we wrote it."""
    if whole:
        server.clear()
    take(server, "server", "type", "path", "location", "format", "delimiter", "host", "port", "database", "environment")
    take(server, "schema", only="public")


def _place(server: dict[str, Any], table: str) -> dict[str, Any] | None:
    kind = server.get("type")
    form = {"format": _FORMATS[str(server["format"]).lower()]} if str(server.get("format", "")).lower() in _FORMATS else {}
    separator = server.get("delimiter")
    more = {**form, **({"separator": separator} if isinstance(separator, str) and len(separator) == 1 else {})}
    place = server.get("path") or server.get("location")
    if kind in ("local", "s3", "azure", "custom", "api", "sftp") and isinstance(place, str):
        return {"path": _PLACEHOLDER.sub(table, place), **more}
    if kind in ("postgres", "postgresql", "mysql") and server.get("host") and server.get("database"):
        scheme = "mysql" if kind == "mysql" else "postgresql"
        schema = server.get("schema")
        full = f"{schema}.{table}" if schema and schema != "public" else table
        return {"url": f"{scheme}://${{DB_USER}}:${{DB_PASSWORD}}@{server['host']}:{server.get('port', 5432)}/{server['database']}", "table": full}
    return None
