"""The HTTP side of the port."""
