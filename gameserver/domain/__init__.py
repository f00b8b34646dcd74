"""The game's own rules: pure and synchronous, without I/O and without a clock."""
