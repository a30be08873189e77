"""Databases that migrations change: SQLite and PostgreSQL by Headway's own thin runner, other tools by their own commands."""
