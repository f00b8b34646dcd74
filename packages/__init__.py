"""Makes what is given out of a version: packages, a bill of what they are made of, and checksums."""
