"""``python -m packages``: make everything that is given out, in ``dist/``."""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from gameserver import __version__

ROOT = Path(__file__).parent.parent
DIST, WORK = ROOT / "dist", ROOT / "build" / "packages"
PYTHON = "python{}.{}".format(*sys.version_info)
PLATFORM = sysconfig.get_platform()


def main() -> None:
    """Make everything anew."""
    for folder in (DIST, WORK):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    _run("hatchling", "build", "--directory", DIST, folder=ROOT)
    environment = WORK / "environment"
    _run("venv", "--without-pip", environment)
    _install(environment, "completion,postgres")  # whoever has the archive or the executable can add none
    _make_archive(environment)
    _make_bill(environment)
    _install(environment, "executable")
    _make_executable(environment)
    _make_checksums()


def _install(environment: Path, extras: str) -> None:
    """Install the wheel with some extras, and nothing that those do not need."""
    (wheel,) = DIST.glob("*.whl")
    quietly = ("--quiet", "--disable-pip-version-check")
    _run("pip", "--python", environment / "bin" / "python", "install", *quietly, f"{wheel}[{extras}]")


def _make_archive(environment: Path) -> None:
    """One file for hosts with this version of Python."""
    archive = DIST / f"gameserver-{__version__}-{PYTHON}-{PLATFORM}.pyz"
    interpreter = f"/usr/bin/env {PYTHON}"
    options = ("--console-script", "gameserver", "--python", interpreter, "--compressed", "--reproducible")
    _run("shiv", "--site-packages", _libraries(environment), *options, "--output-file", archive)


def _make_executable(environment: Path) -> None:
    """One file for hosts without Python, of what the environment holds."""
    folders = ("--distpath", DIST, "--workpath", WORK / "executable", "--specpath", WORK)
    # What the package imports by name, reads as a file or asks for its version is not seen in its code.
    unseen = ("--collect-submodules", "gameserver", "--collect-data", "gameserver", "--copy-metadata", "gameserver")
    # PyInstaller's own.
    excluded = ("--exclude-module", "setuptools", "--exclude-module", "pkg_resources")
    _run(
        *("PyInstaller", "--onefile", "--name", f"gameserver-{__version__}-{PLATFORM}", "--log-level", "ERROR"),
        *(*folders, *unseen, *excluded, _libraries(environment) / "gameserver" / "__main__.py"),
        python=environment / "bin" / "python",
    )


def _libraries(environment: Path) -> Path:
    return environment / "lib" / PYTHON / "site-packages"


def _make_bill(environment: Path) -> None:
    """The software bill of materials: the Python packages that archive and executable hold."""
    bill = DIST / f"gameserver-{__version__}.cdx.json"
    options = ("--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--output-file", bill)
    _run("cyclonedx_py", "environment", *options, environment)


def _make_checksums() -> None:
    """What ``sha256sum --check`` reads."""
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(DIST.iterdir())}
    lines = "".join(f"{checksum}  {name}\n" for name, checksum in sums.items())
    (DIST / "SHA256SUMS").write_text(lines, encoding="utf-8")


def _run(module: str, *arguments: str | Path, python: Path = Path(sys.executable), folder: Path = WORK) -> None:
    """Run a tool by an interpreter, in a folder; not in that of the sources, which would hide what is installed."""
    print(f"{module} …", file=sys.stderr, flush=True)
    subprocess.run([python, "-m", module, *map(str, arguments)], cwd=folder, check=True)


if __name__ == "__main__":
    main()
