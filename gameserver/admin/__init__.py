"""Commands beside a server: what they do, both ends of FILE.sock, export and replay."""
