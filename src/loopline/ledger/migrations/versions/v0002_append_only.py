"""The database itself refuses to edit entries, and remembers the newest one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_GENESIS = "0" * 64

_SQLITE = (
    "CREATE TRIGGER ledger_entries_keep_update BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER ledger_entries_keep_delete BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER ledger_head_keep_update BEFORE UPDATE ON ledger_head WHEN NEW.seq <= OLD.seq OR NEW.one <> OLD.one"
    " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
    "CREATE TRIGGER ledger_head_keep_delete BEFORE DELETE ON ledger_head BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
)
_POSTGRES = (
    "CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
    "CREATE TRIGGER ledger_entries_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
    "CREATE TRIGGER ledger_head_keep BEFORE DELETE OR TRUNCATE ON ledger_head FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
    "CREATE TRIGGER ledger_head_keep_update BEFORE UPDATE ON ledger_head FOR EACH ROW"
    " WHEN (NEW.seq <= OLD.seq OR NEW.one <> OLD.one) EXECUTE FUNCTION ledger_refuse()",
)


def upgrade() -> None:
    """Make the head from the newest entry, then the guards."""
    op.create_table(
        "ledger_head",
        sa.Column("one", sa.Integer(), sa.CheckConstraint("one = 1"), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.execute(f"INSERT INTO ledger_head SELECT 1, 0, '{_GENESIS}' WHERE NOT EXISTS (SELECT 1 FROM ledger_entries)")
    op.execute("INSERT INTO ledger_head SELECT 1, seq, hash FROM ledger_entries ORDER BY seq DESC LIMIT 1")
    for statement in _POSTGRES if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)
