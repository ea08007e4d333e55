"""Alembic steps; core/migration.py runs them."""
