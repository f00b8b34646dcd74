"""Bytes on the port: accepting, the request head, the handshake, frames, sending. It knows no game and no database."""
