"""Importing this module makes hypothesis deterministic: the same examples in each run, nothing kept on disk."""

from hypothesis import settings

settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")
