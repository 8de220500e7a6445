"""The indexes by which pages ask: what a person did, and what names an entry as its parent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes; each leaves out what nobody asks for, so that few appends pay for it."""
    person, child, several = sa.text("actor <> 'loopline'"), sa.text("parents <> '[]'"), sa.text("parents LIKE '%,%'")
    op.create_index("ledger_entries_actor", "ledger_entries", ["project", "actor", "seq"], sqlite_where=person, postgresql_where=person)
    # The place of the first parent, and a few digits of its hash. Nearly every entry has one parent; those with more are read through.
    first = sa.text("substr(parents, 3, 14)")
    op.create_index("ledger_entries_parent", "ledger_entries", [first], sqlite_where=child, postgresql_where=child)
    op.create_index("ledger_entries_parents", "ledger_entries", ["seq", "parents"], sqlite_where=several, postgresql_where=several)
    if op.get_bind().dialect.name == "postgresql":
        # In SQLite each index ends with the place; here the newest of a hundred thousand about one subject would be sorted out of all of them.
        op.drop_index("ledger_entries_subject", "ledger_entries")
        named = sa.text("subject <> ''")
        op.create_index("ledger_entries_subject", "ledger_entries", [sa.text("substr(subject, 1, 12)"), "seq"], postgresql_where=named)
    if op.get_bind().dialect.name == "sqlite":
        for index, rows in (("actor", "10000 10000 500 1"), ("parent", "900000 3"), ("parents", "10000 1 1")):
            op.execute(f"INSERT INTO sqlite_stat1 VALUES ('ledger_entries', 'ledger_entries_{index}', '{rows}')")
