"""Django's database backend for PostgreSQL: fewer round trips, cheaper checks of kept connections, prepared statements."""
