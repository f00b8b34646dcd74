"""Packages to test: those that the tests build themselves, and those that ``make dist`` has made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(source: Path, folder: Path) -> Path:
    """A folder with the wheel and the source distribution of a source tree."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", folder], cwd=source, check=True, capture_output=True
    )
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution of this source tree."""
    return build(ROOT, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def dist() -> Path:
    """The folder that PACKAGES names, with what ``make dist`` has made; without it, the test is left out."""
    if "PACKAGES" not in os.environ:
        pytest.skip("PACKAGES names no folder with packages: make dist, and then PACKAGES=dist")
    return ROOT / os.environ["PACKAGES"]
