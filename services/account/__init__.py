"""User accounts and marks in SQL: SQLite on one machine, MySQL or MariaDB elsewhere."""
