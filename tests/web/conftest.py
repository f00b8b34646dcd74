"""Fixtures of the tests of HTTP."""

from tests.operations.conftest import table, world

__all__ = ["table", "world"]
