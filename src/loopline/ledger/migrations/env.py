"""Runs the migrations on the connection that `loopline.ledger.upgrade` holds, inside its transaction."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="ledger_version", transactional_ddl=True)
context.run_migrations()
