"""Tasks, kept in PostgreSQL, served over HTTP."""
