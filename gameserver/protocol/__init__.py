"""The wire contract as declarations: each operation, reply and broadcast once, everything else derived."""
