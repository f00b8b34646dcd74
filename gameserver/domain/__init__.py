"""The rules of prediction games: pure and synchronous, without I/O and without a clock."""
