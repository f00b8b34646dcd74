"""The protocol as declarations: each operation, reply and broadcast once, everything else derived."""
