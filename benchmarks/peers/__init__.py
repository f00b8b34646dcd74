"""Servers to be measured beside ours, each run as ``python -m benchmarks.peers.NAME``; it prints its port.

Of those that speak WebSocket, a connection on /subscribe gets what is broadcast, one on /control sends orders
("COUNT SIZE": broadcast so many messages of so many bytes, back to back), any other is answered with what it
sends. None compresses, as ours does not.
"""
