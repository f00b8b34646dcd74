"""The database: the only part of the server that speaks SQL."""
