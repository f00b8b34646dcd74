"""The SQLite engine: connections, writer, readers, migrations, check and backup."""
