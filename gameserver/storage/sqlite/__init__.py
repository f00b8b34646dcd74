"""SQLite as the store: connections, the writer and the readers, migrations, check, backup."""
