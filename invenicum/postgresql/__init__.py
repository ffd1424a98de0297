"""Django's database backend for PostgreSQL, with a cheaper check of kept connections, and prepared statements."""
