"""``gameserver feed``: what a file, or a program, tells of a match becomes events of a game."""
