"""Django's database backend for PostgreSQL: fewer round trips, cheap checks of connections, prepared statements."""
