"""A PostgreSQL server of a test's own, of Debian's packages: started on 127.0.0.1, gone with its folder afterwards.

Tests that need one are skipped where its programs are not there.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_USER = "drips"
_ACCOUNTS = ("postgres", "nobody")
"""As whom it runs for root."""
_SECONDS_TO_START = 60
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=64MB", "max_connections=40")


@dataclass(frozen=True)
class PostgresServer:
    """A server that runs.

    Args:
        port: on 127.0.0.1.
        user: may do everything.
        password: that user's.
    """

    port: int
    user: str
    password: str

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def variables(self, database: str) -> dict[str, str]:
        """What libpq finds a database by."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
        }

    def settings(self, database: str) -> dict[str, str]:
        """What makes that a project's warehouse."""
        return {"DRIPS_TARGET": "postgres", **self.variables(database)}

    def execute(self, sql: str, parameters: tuple[Any, ...] | None = None, database: str = "postgres") -> list[Any]:
        """Run statements, each for itself; returns the rows of the last one, where it has any."""
        import psycopg2

        connection = psycopg2.connect(self.url(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


def postgres_is_there() -> bool:
    """Whether a server can be started here, for tests that do more where it can."""
    return _found() is not None and importlib.util.find_spec("psycopg2") is not None and _may_run()


def _programs() -> Path:
    """The folder of the newest server's programs; skips the test where there is none."""
    if programs := _found():
        return programs
    pytest.skip("needs Debian's package postgresql: no initdb here")


def _found() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if program := shutil.which("initdb"):
        return Path(program).resolve().parent
    return None


def _may_run() -> bool:
    return os.geteuid() != 0 or any(user.pw_name in _ACCOUNTS for user in pwd.getpwall())


def _account() -> dict[str, Any]:
    """As whom the server runs: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in _ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL does not run as root, and there is no other account")


@contextmanager
def postgres_server() -> Generator[PostgresServer]:
    """A new server, whose texts compare by code point in every database."""
    pytest.importorskip("psycopg2", reason="needs the extra postgres")
    programs, account = _programs(), _account()
    # Below pytest's own folder nobody but its owner may look.
    folder = Path(tempfile.mkdtemp(prefix="drips-postgres-"))
    process = None
    try:
        if account:
            os.chown(folder, account["user"], account["group"])
        server = PostgresServer(_free_port(), _USER, secrets.token_hex(16))
        environment = {**os.environ, "HOME": str(folder), "PGPASSWORD": server.password}
        words = folder / "password"
        words.write_text(server.password)
        words.chmod(0o644)
        data = str(folder / "data")
        made = subprocess.run(
            [
                *(str(programs / "initdb"), "--pgdata", data, "--username", server.user, "--pwfile", str(words)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            ],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            **account,
        )
        assert made.returncode == 0, made.stderr
        words.unlink()
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        process = subprocess.Popen(
            [
                *(str(programs / "postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(server.port)),
                *("-k", str(folder), *settings),
            ],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **account,
        )
        ready = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(server.port), "-t", str(_SECONDS_TO_START)]
        _wait_until_ready(ready, process, environment)
        yield server
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(command: list[str], process: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    import time

    deadline = time.monotonic() + _SECONDS_TO_START
    while subprocess.run(command, env=environment, capture_output=True, check=False).returncode:
        assert process.poll() is None, "the server has ended as it started"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
