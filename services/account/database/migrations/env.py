"""Alembic runs this for every command; services/account/migrate.py passes the connection."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
