"""The PostgreSQL engine: connections, writer, readers, follower, schema and migrations."""
