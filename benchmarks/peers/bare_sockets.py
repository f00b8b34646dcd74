"""What Python can do at most: a bare loop of ``send`` over sockets, no event loop, no protocol but the handshake.

The connection on /control must come last; from then on nothing else is served.
"""

import base64
import hashlib
import signal
import socket

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def shake_hands(connection: socket.socket) -> str:
    """Answer the upgrade request; its path."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    lines = head.split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    proof = base64.b64encode(hashlib.sha1(headers[b"sec-websocket-key"] + _GUID).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )
    return lines[0].split()[1].decode()


def read_order(connection: socket.socket) -> str | None:
    """The next short text message, or None at the end."""
    head = connection.recv(6, socket.MSG_WAITALL)
    if len(head) < 6 or head[0] != 0x81:
        return None
    payload = connection.recv(head[1] & 0x7F, socket.MSG_WAITALL)
    return bytes(byte ^ head[2 + index % 4] for index, byte in enumerate(payload)).decode()


def text_frame(payload: bytes) -> bytes:
    """A frame from the server."""
    size = len(payload)
    head = bytes([0x81, size]) if size < 126 else bytes([0x81, 126]) + size.to_bytes(2)
    return head + payload


def main() -> None:
    """Take subscribers, then orders."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    subscribers = []
    while True:
        connection = listener.accept()[0]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if shake_hands(connection) == "/control":
            break
        subscribers.append(connection)
    while (order := read_order(connection)) is not None:
        count, size_bytes = map(int, order.split())
        frame = text_frame(b"x" * size_bytes)
        for _ in range(count):
            for subscriber in subscribers:
                subscriber.sendall(frame)
    signal.pause()  # until terminated


if __name__ == "__main__":
    main()
