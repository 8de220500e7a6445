"""The entries, and the indexes by which they are read; an id begins with the place, so that it needs none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXTS = ("project", "kind", "subject", "key", "body", "actor", "time", "parents", "prev_hash", "hash")


def upgrade() -> None:
    """Make the table of entries."""
    # SQLite keeps a row under its integer key only where the type's name is INTEGER.
    place = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "ledger_entries",
        sa.Column("seq", place, primary_key=True, autoincrement=False),
        *[sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS],
    )
    op.create_index("ledger_entries_kind", "ledger_entries", ["project", "kind", "seq"])
    # Subjects and keys are digests: the whole of them would make these indexes as great as the table. Steps are asked for by their keys;
    # what comes by the thousand is asked for by its subject, and need not pay for an index that every batch touches everywhere.
    named, step = sa.text("subject <> ''"), sa.text("kind = 'step'")
    op.create_index("ledger_entries_subject", "ledger_entries", [sa.text("substr(subject, 1, 12)")], sqlite_where=named, postgresql_where=named)
    op.create_index("ledger_entries_key", "ledger_entries", [sa.text("substr(key, 1, 12)")], sqlite_where=step, postgresql_where=step)
    if op.get_bind().dialect.name == "sqlite":
        # SQLite plans by these figures: rows in all, then rows per value of an index. Without them it takes the longest match of columns,
        # which is the kind, and reads a million trials to find one by its key.
        op.execute("ANALYZE ledger_entries")
        for index, rows in (("kind", "1000000 1000000 5000 1"), ("subject", "1000000 1000"), ("key", "1000000 2")):
            op.execute(f"INSERT INTO sqlite_stat1 VALUES ('ledger_entries', 'ledger_entries_{index}', '{rows}')")
