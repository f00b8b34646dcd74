"""A private PostgreSQL cluster for the tests, on a Unix socket in a folder of its own, run by an unprivileged user."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from gameserver.storage.postgres.connection import open_writer
from gameserver.storage.postgres.migrations import migrate

_DEBIAN = Path("/usr/lib/postgresql")
_OLDEST = 14
# Emptying a database takes a fraction of the time of making one.
_EMPTY = """
CREATE FUNCTION empty() RETURNS void LANGUAGE plpgsql AS $$
DECLARE it record;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR it IN SELECT relname, relkind FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') AND relname <> 'schema_version'
    LOOP
        IF it.relkind = 'r' THEN EXECUTE format('DELETE FROM %I', it.relname);
        ELSE PERFORM setval(it.relname::regclass, 1, false); END IF;
    END LOOP;
END $$
"""
_IS_SYNC = """
SELECT bool_or(sync_state = 'sync' AND replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication
"""
# Nothing of a test's database must outlive a power cut.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "max_connections": "100",
    "log_min_messages": "fatal",
}


def find_binaries() -> Path | None:
    """The folder of initdb and postgres, of the newest version there is; None if there is none that serves."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    versions = sorted((int(it.name), it) for it in _DEBIAN.iterdir() if it.name.isdigit()) if _DEBIAN.exists() else []
    found = [folder / "bin" for version, folder in versions if version >= _OLDEST]
    return found[-1] if found and (found[-1] / "initdb").exists() else None


class Cluster:
    """A running cluster, which makes databases with the current schema."""

    def __init__(self, folder: Path, server: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._server = server
        self._numbers = count(1)
        self._emptied: list[str] = []

    def url(self, database: str) -> str:
        """The URL of a database of the cluster."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def execute(self, sql: str) -> None:
        """Execute a statement outside any of the databases made."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())

    def empty_database(self) -> str:
        """The URL of a new database in which there is nothing."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return self.url(name)

    def stop_at_once(self) -> None:
        """End it as a power cut would."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a database with the current schema in which there is nothing: the same again after the block."""
        if not self._emptied:
            url = self.empty_database()
            with open_writer(url) as connection:
                migrate(connection)
                connection.execute_script(_EMPTY)
            self._emptied.append(url)
        url = self._emptied.pop()
        yield url
        with psycopg.connect(url, autocommit=True) as raw:
            raw.execute("SELECT empty()")
        self._emptied.append(url)


def _owner() -> str | None:
    """Whom root runs the cluster as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def running_cluster(binaries: Path, **settings: str) -> Iterator[Cluster]:
    """A cluster that runs until the block ends."""
    with _folder() as folder:
        flags = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "--locale=C.UTF-8"]
        _run(folder, binaries / "initdb", "-D", folder / "data", *flags)
        with _serving(binaries, folder, settings) as cluster:
            yield cluster


class Pair:
    """A primary and its synchronous standby, each of which takes the other's place in turn."""

    def __init__(self, binaries: Path, primary: Cluster, running: ExitStack) -> None:
        self.primary = primary
        self._binaries = binaries
        self._running = running
        self._folders = primary.folder, running.enter_context(_folder())
        self.standby = self._follow(self._folders[1])

    def empty_database(self) -> str:
        """The URL of a new database in which there is nothing, at whichever of both can be written to."""
        url = self.primary.empty_database()
        return url.replace(f"host={self.primary.folder}", f"host={','.join(map(str, self._folders))}")

    def fail_over(self) -> None:
        """End the primary as a power cut would, have its standby in its place, and a new standby where it was."""
        gone, self.primary = self.primary, self.standby
        gone.stop_at_once()
        self.primary.execute("SELECT pg_promote()")
        self._wait_for_standby("")
        self.standby = self._follow(gone.folder)

    def _follow(self, folder: Path) -> Cluster:
        """A new standby of the primary, which holds all that is acknowledged from here on."""
        shutil.rmtree(folder / "data", ignore_errors=True)
        source = f"user=postgres host={self.primary.folder} application_name=standby"
        _run(folder, self._binaries / "pg_basebackup", "-D", folder / "data", "-R", "-N", "-c", "fast", "-d", source)
        standby = self._running.enter_context(_serving(self._binaries, folder, {}))
        self._wait_for_standby("standby")
        with psycopg.connect(self.primary.url("postgres"), autocommit=True) as connection:
            for _ in range(300):
                (sync,) = connection.execute(_IS_SYNC).fetchone() or (False,)
                if sync:
                    return standby
                time.sleep(0.1)
        raise TimeoutError("the standby does not follow")

    def _wait_for_standby(self, names: str) -> None:
        """Have the primary's commits wait for a standby, or for none."""
        self.primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.primary.execute("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
        self.primary.execute("SELECT pg_reload_conf()")


@contextmanager
def running_pair(binaries: Path) -> Iterator[Pair]:
    """A primary and a standby until the block ends."""
    with running_cluster(binaries) as primary, ExitStack() as running:
        yield Pair(binaries, primary, running)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gameserver-pg-"))
    owner = _owner()
    if owner is not None:
        shutil.chown(folder, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, *command: str | Path) -> None:
    subprocess.run(list(command), check=True, stdout=subprocess.DEVNULL, user=_owner(), cwd=folder)


@contextmanager
def _serving(binaries: Path, folder: Path, settings: dict[str, str]) -> Iterator[Cluster]:
    options = {**_SETTINGS, **settings, "unix_socket_directories": str(folder)}
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", *flags], stdout=log, stderr=log, user=_owner(), cwd=folder
        )
    cluster = Cluster(folder, server)
    try:
        _wait_until_it_answers(cluster, server, folder / "log")
        yield cluster
    finally:
        cluster.stop_at_once()


def _wait_until_it_answers(cluster: Cluster, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            psycopg.connect(make_conninfo(cluster.url("postgres"), connect_timeout=2)).close()
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text(errors="replace")
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(log.read_text(errors="replace"))
