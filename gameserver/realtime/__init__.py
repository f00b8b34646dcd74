"""Connections: accepting them, talking with them, and telling them what happens."""
