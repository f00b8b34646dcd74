"""Fixtures of the tests of what connections share."""

from tests.storage.conftest import connection

__all__ = ["connection"]
