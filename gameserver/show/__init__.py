"""What happens in a game, shown in a terminal: as a live picture, or a line each."""
