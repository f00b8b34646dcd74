"""The PostgreSQL engine: connections, writer, readers, peers, schema and migrations."""
