"""The store: SQLAlchemy tables, repositories and Alembic migrations behind one facade.

Import ``SqlStore`` from ``service.store.sql``; nothing is imported here, so that ``service.store.codec`` stays cheap.
"""
