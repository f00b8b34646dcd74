"""What each operation does: one function an operation, registered with `gameserver.handlers.registry`."""
