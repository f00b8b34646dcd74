"""HTTP: the endpoints, and what answers them."""
