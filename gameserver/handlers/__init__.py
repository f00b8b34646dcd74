"""The operations: one function each, found by `gameserver.handlers.table`."""
