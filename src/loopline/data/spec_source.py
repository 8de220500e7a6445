"""Where a table's batches come from, as it is declared: files, folders, object stores, the web, databases, Delta tables."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator, model_validator

from loopline.access.secrets import Address
from loopline.data.spec_cleaning import Cleaning
from loopline.data.spec_contract import Columns, ContractSpec
from loopline.declaration import Spec

Format = Literal["csv", "json", "jsonl", "parquet", "arrow", "excel", "delta"]
Duplicates = Literal["refuse", "first", "latest", "none"]
NULLS = ("", "NA", "N/A", "null", "NULL", "None", "NaN", "nan")
DATABASES = ("sqlite", "postgresql", "mysql", "mariadb")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")
_CRON_FIELDS = 5
_CRON_WORDS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *"}


class ScheduleSpec(Spec):
    """When a source is asked again: five fields of cron, and the time zone in which they are meant.

    As one text: ``0 6 * * MON-FRI Europe/Berlin``, or ``@daily`` and its like; UTC where no zone is named.
    """

    cron: str
    zone: str = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        words = value.split()
        if words and words[0] in _CRON_WORDS:
            words = [*_CRON_WORDS[words[0]].split(), *words[1:]]
        named = len(words) == _CRON_FIELDS + 1
        return {"cron": " ".join(words[:_CRON_FIELDS]), "zone": words[-1] if named else "UTC"} if named or len(words) == _CRON_FIELDS else {"cron": value}

    @field_validator("cron")
    @classmethod
    def _comes(cls, value: str) -> str:
        if (fields := len(value.split())) != _CRON_FIELDS:
            example = "as in 0 6 * * MON-FRI Europe/Berlin or @daily"
            raise ValueError(f"{value!r} has {fields} fields, and a schedule has five (minute, hour, day, month, weekday), {example}")
        try:
            next(CronSim(value, datetime(2024, 1, 1)))
        except CronSimError as error:
            raise ValueError(f"{value!r} is no schedule: {str(error).lower()}; write five fields of cron, as in 0 6 * * MON-FRI") from None
        except StopIteration:
            raise ValueError(f"{value!r} never comes; check its day and month") from None
        return value

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone; write one such as Europe/Berlin or UTC")
        return value

    def __str__(self) -> str:
        return f"{self.cron} {self.zone}"


class SourceSpec(Spec):
    """Where a table's batches come from.

    One of three says where: `path` is a file, a pattern, a folder (relative to the declaration) or a URL (``s3://``, ``gs://``, ``az://``,
    ``https://``); `watch` is a folder in which files arrive; `url` is a database, of which `table` or `query` is read.

    `time` is the column that says when; `ordered` says that rows stand in the order of time although no column says when.
    `mode`: a new batch adds its rows, adds or replaces rows by their key, or replaces them all. With ``append``, a file whose
    content changed takes the place of what it delivered before. `cursor` is the column that grows: of a database only rows beyond
    the greatest one seen are read. `duplicates` says what becomes of rows with one key in one batch: later ones are refused
    (``refuse``), merged into the ``first`` or the ``latest`` one, or ``none`` of them is taken.

    `records` is the path to the records of a JSON document, as in ``features[*]``; `header` is false where no line names the
    columns, and `names` names them; `skip` passes over lines at the top; `clean` is done to every column of texts.
    """

    path: str | None = None
    watch: str | None = None
    url: Address | None = None
    table: str | None = None
    query: str | None = None
    options: dict[str, Address] = {}
    format: Format | None = None
    records: str | None = None
    sheet: str | int | None = None
    header: bool | None = None
    names: tuple[str, ...] = ()
    skip: int = Field(default=0, ge=0)
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    decimal: str = Field(default=".", min_length=1, max_length=1)
    encoding: str | None = None
    nulls: tuple[str, ...] = NULLS
    key: Columns = ()
    time: str | None = None
    ordered: bool = False
    mode: Literal["append", "upsert", "replace"] = "append"
    cursor: str | None = None
    duplicates: Duplicates = "refuse"
    schedule: ScheduleSpec | None = None
    clean: Cleaning = ()
    contract: ContractSpec | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> SourceSpec:
        said = [name for name in ("path", "watch", "url") if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"a source has one place, and here are {' and '.join(said) or 'none'}; say path: FILE, watch: FOLDER or url: DATABASE")
        if self.url is not None:
            self._require_database(self.url)
        elif self.table is not None or self.query is not None:
            raise ValueError("table and query belong to a database; say url: for it")
        return self

    def _require_database(self, url: str) -> None:
        scheme = _SCHEME.match(url)
        kind = scheme[1].partition("+")[0].lower() if scheme else ""
        if kind not in DATABASES:
            raise ValueError(f"{kind or url!r} is no database that is read here; use {', '.join(f'{name}://' for name in DATABASES)}, or path: for files")
        if (self.table is None) == (self.query is None):
            raise ValueError("of a database one table or one query is read; say table: or query:")

    @model_validator(mode="after")
    def _keyed(self) -> SourceSpec:
        if self.mode == "upsert" and not self.key:
            raise ValueError("mode upsert replaces rows by their key; say key: [COLUMN, ...]")
        if self.duplicates != "refuse" and not self.key:
            raise ValueError("duplicates are rows with one key; say key: [COLUMN, ...]")
        if self.header is None and self.names:
            raise ValueError("names name the columns where no line does; say header: false too, or header: true to put them in its place")
        return self

    @property
    def place(self) -> str:
        """Where it is, as it is declared; a database's password is a reference there."""
        return self.path or self.watch or self.url or ""

    @property
    def as_file(self) -> SourceSpec:
        """The same source, for reading one delivery that lies in a file: a version of a Delta table is kept in one of another format."""
        return self.model_copy(update={"format": None}) if self.format == "delta" else self

    @property
    def is_local(self) -> bool:
        """Whether it consists of files on this machine."""
        return self.url is None and self.format != "delta" and not _SCHEME.match(self.place)
