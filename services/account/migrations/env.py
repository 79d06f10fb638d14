"""Alembic runs this for every command; the connection comes from services.account.migrate."""

from alembic import context

from services.account import schema
from services.account.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_object=schema.comparable,
)
with context.begin_transaction():
    context.run_migrations()
