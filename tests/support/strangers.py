"""Files of another user: really so if the tests run as root, else as far as what is asked of the system tells."""

import os
from pathlib import Path

import pytest

STRANGER = 54_321

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


def disguise(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file appear to be a stranger's, whoever runs the tests."""
    inode = path.lstat().st_ino
    fstat, lstat = os.fstat, Path.lstat

    def disguised(status: os.stat_result) -> os.stat_result:
        fields = list(status)
        fields[4] = STRANGER
        return os.stat_result(fields) if status.st_ino == inode else status

    monkeypatch.setattr(os, "fstat", lambda descriptor: disguised(fstat(descriptor)))
    monkeypatch.setattr(Path, "lstat", lambda self: disguised(lstat(self)))
