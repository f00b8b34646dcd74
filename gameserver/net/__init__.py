"""Network I/O: listening, TLS, request heads, WebSocket frames, send queues. It knows no game and no database."""
