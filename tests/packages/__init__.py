"""The packages that are given out."""
