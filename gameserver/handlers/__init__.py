"""What each operation does: one function an operation, found by `gameserver.handlers.table`."""
