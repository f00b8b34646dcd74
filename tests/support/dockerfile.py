"""Follows a Dockerfile without an engine: in namespaces of this machine, which stands in for each base image.

A stage's root is an overlay on the machine's own, so that its steps are carried out as they are written, by root, and
change nothing. The container has no network but its own loopback. Requires Linux, root and util-linux.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

INTERPRETERS = Path(sys.base_prefix) / "bin"
SEARCHED = f"{INTERPRETERS}:/usr/sbin:/usr/bin:/sbin:/bin"


class Step(NamedTuple):
    """An instruction with what follows it, flags and all."""

    instruction: str
    text: str

    @property
    def command(self) -> list[str]:
        """What a RUN, CMD or ENTRYPOINT runs."""
        if self.text.startswith("["):
            words: list[str] = json.loads(self.text)
            return words
        return ["/bin/sh", "-c", self.text]

    @property
    def words(self) -> list[str]:
        """What follows the flags, by word."""
        return [word for word in self.text.split() if not word.startswith("--")]


class Stage(NamedTuple):
    """The steps from one FROM to the next."""

    name: str
    steps: list[Step]

    def last(self, instruction: str) -> Step:
        """The step that counts of those that replace each other."""
        return [step for step in self.steps if step.instruction == instruction][-1]

    @property
    def variables(self) -> dict[str, str]:
        """What ENV sets."""
        texts = [step.text for step in self.steps if step.instruction == "ENV"]
        return dict(word.split("=", 1) for text in texts for word in text.split())


def read(file: Path) -> list[Stage]:
    """The stages of a Dockerfile."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    stages: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            stages.append(Stage(rest.partition(" AS ")[2], []))
        stages[-1].steps.append(Step(instruction, " ".join(rest.split())))
    return stages


def context(source: Path, folder: Path) -> None:
    """Copy what .dockerignore lets into the build; it lists what it lets in."""
    rules = (source / ".dockerignore").read_text(encoding="utf-8").split()
    assert rules[0] == "*"
    for name in (rule[1:] for rule in rules if rule.startswith("!")):
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source / name, folder / name)


class Namespace:
    """Mounts, and a loopback, that nobody else sees."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self.folder = folder

    def enter(self, *command: str | Path, network: bool = False) -> list[str]:
        """A command, run in the namespace; with ``network``, it keeps the machine's network."""
        kinds = ["--mount"] if network else ["--mount", "--net"]
        return ["nsenter", "--target", str(self._process.pid), *kinds, *map(str, command)]

    def run(self, *command: str | Path, network: bool = False) -> None:
        """Run a command to its end. Raises `AssertionError`."""
        done = subprocess.run(self.enter(*command, network=network), check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"


_LOOPBACK = "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 1))"


@contextmanager
def namespace(folder: Path) -> Iterator[Namespace]:
    """A namespace in which ``folder`` is in memory."""
    script = 'mount -t tmpfs none "$0" && "$1" -c "$2" && echo ready && exec sleep infinity'
    command = ["unshare", "--mount", "--net", "sh", "-c", script, str(folder), sys.executable, _LOOPBACK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield Namespace(process, folder)
        finally:
            process.kill()


class Image:
    """What the steps of all stages have made; its root is in the folder of the namespace."""

    def __init__(self, inside: Namespace, stages: list[Stage], source: Path) -> None:
        self.stage = stages[-1]
        self._inside = inside
        self._source = source
        for number, stage in enumerate(stages):
            self.root = inside.folder / (stage.name or str(number))
            self._begin()
            folder = "/"
            for step in stage.steps:
                if step.instruction == "WORKDIR":
                    folder = step.text
                    inside.run("mkdir", "--parents", f"{self.root}{folder}")
                elif step.instruction == "COPY":
                    self._copy(step, folder)
                elif step.instruction == "RUN":
                    self._run(step, folder)

    def _begin(self) -> None:
        """Begin a stage with the machine itself as the base image."""
        over = [self.root.with_name(f"{self.root.name}.{kind}") for kind in ("upper", "work")]
        self._inside.run("mkdir", self.root, *over)
        options = f"lowerdir=/,upperdir={over[0]},workdir={over[1]}"
        self._inside.run("mount", "-t", "overlay", "overlay", "-o", options, self.root)
        for folder in ("dev", "proc"):
            self._inside.run("mount", "--rbind", f"/{folder}", self.root / folder)
        for parent in (INTERPRETERS, *INTERPRETERS.parents):  # in a base image, everybody may run Python
            self._inside.run("chmod", "a+x", f"{self.root}{parent}")

    def _copy(self, step: Step, folder: str) -> None:
        *sources, target = step.words
        into = f"{self.root}{target if target.startswith('/') else folder}"
        taken = re.search(r"--from=(\w+)", step.text)
        root = self._source if taken is None else self._inside.folder / taken[1]
        self._inside.run("mkdir", "--parents", into)
        for name in sources:
            self._inside.run("cp", "--archive", f"{root / name.strip('/')}/.", into)

    def _run(self, step: Step, folder: str) -> None:
        variables = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        begun = _within(self.root, folder, "0:0", {"PATH": SEARCHED, **variables})
        self._inside.run(*begun, *step.command, network=True)

    def seal(self) -> None:
        """Make the root read-only, but for its volume, as ``docker run --read-only`` does."""
        volume = f"{self.root}{self.stage.last('VOLUME').text}"
        kept = self._inside.folder / "volume"
        self._inside.run("cp", "--archive", volume, kept)
        self._inside.run("mount", "--options", "remount,ro", self.root)
        self._inside.run("mount", "--bind", kept, volume)

    def command(self, *command: str) -> list[str]:
        """A command in a container of the image, by the image's user."""
        folder, user = self.stage.last("WORKDIR").text, self.stage.last("USER").text
        return self._inside.enter(*_within(self.root, folder, user, self.stage.variables), *command)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container of the image to its end."""
        return subprocess.run(self.command(*command), check=False, capture_output=True, text=True)


def _within(root: Path, folder: str, user: str, variables: dict[str, str]) -> list[str]:
    """What a command is run by in a folder of a root, with these variables alone."""
    named = [f"{name}={value}" for name, value in variables.items()]
    begun = ["chroot", f"--userspec={user}", "--groups=", str(root)]
    return [*begun, "/usr/bin/env", "--ignore-environment", f"--chdir={folder}", *named]
