"""People and their marks, in SQL: SQLite on one machine, MySQL or MariaDB elsewhere."""
