"""Measurements of the running server; not a part of the product."""
