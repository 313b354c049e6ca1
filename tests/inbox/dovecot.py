"""A private Dovecot on 127.0.0.1: IMAP as it is in the world, an account a test, nothing of this machine's own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Self

PASSWORD = "s3cret"
_TIMEOUT_SECONDS = 30.0
_OWNER = pwd.getpwnam("nobody")

_CONFIGURATION = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
mail_location = maildir:{root}/boxes/%u
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
ssl = yes
ssl_cert = <{root}/certificate.pem
ssl_key = <{root}/key.pem
first_valid_gid = 0
default_process_limit = 20
default_client_limit = 200
# New mail in a Maildir is seen at once.
maildir_very_dirty_syncs = no
mailbox_list_index = no
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
# No longer and longer pauses after wrong passwords.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


def missing() -> str | None:
    """Why Dovecot can't run here; None if it can."""
    for command in ("dovecot", "openssl"):
        if shutil.which(command) is None:
            return f"{command} is not installed"
    return None if os.geteuid() == 0 else "Dovecot starts as root only"


class Account:
    """Somebody's mail on a server: a Maildir, and where IMAP shows it."""

    def __init__(self, server: Dovecot, user: str, maildir: Path):
        self._server = server
        self.user = user
        self.maildir = maildir
        self._delivered = 0

    def url(self, scheme: str = "imap") -> str:
        """What `DRIPS_IMAP_URL` would say."""
        return f"{scheme}://{self.user}:{PASSWORD}@127.0.0.1:{self._server.ports[scheme]}"

    @property
    def certificate(self) -> Path:
        return self._server.certificate

    def deliver(self, content: bytes, *, at: datetime | None = None) -> Path:
        """Put a mail into the Maildir, as a mail server would; it arrived `at`."""
        self._delivered += 1
        file = self.maildir / "new" / f"{time.time_ns()}.{self._delivered}.test"
        scratch = self.maildir / "tmp" / file.name
        scratch.write_bytes(content.replace(b"\r\n", b"\n"))
        os.chown(scratch, _OWNER.pw_uid, _OWNER.pw_gid)
        if at is not None:
            os.utime(scratch, (at.timestamp(), at.timestamp()))
        scratch.rename(file)
        return file

    def files(self, folder: str = "") -> list[str]:
        """Names of the mails in a folder, flags included: `cur/1:2,S`."""
        place = self.maildir / f".{folder}" if folder else self.maildir
        return sorted(f"{name}/{path.name}" for name in ("cur", "new") for path in (place / name).glob("*"))

    def make_folder(self, name: str) -> None:
        make_maildir(self.maildir / f".{name}")


class Dovecot:
    """The server, running while it is entered."""

    def __init__(self):
        self._root = Path(tempfile.mkdtemp(prefix="drips-"))
        plain, tls = _free_ports(2)
        self.ports = {"imap": plain, "imap+starttls": plain, "imaps": tls}
        self._accounts = 0
        self._process: subprocess.Popen | None = None

    @property
    def certificate(self) -> Path:
        """Signed by itself, for 127.0.0.1."""
        return self._root / "certificate.pem"

    def new_account(self, maildir: Path | None = None) -> Account:
        """One with an empty mailbox, or over another's Maildir, that `nobody` may write."""
        self._accounts += 1
        user = f"user{self._accounts}"
        place = self._root / "boxes" / user
        if maildir is None:
            make_maildir(place)
        else:
            place.symlink_to(maildir)
        return Account(self, user, place)

    def __enter__(self) -> Self:
        self._root.chmod(0o755)
        (self._root / "boxes").mkdir()
        (self._root / "home").mkdir()
        os.chown(self._root / "home", _OWNER.pw_uid, _OWNER.pw_gid)
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", self._root / "key.pem", "-out", self.certificate]
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
        (self._root / "dovecot.conf").write_text(
            _CONFIGURATION.format(
                root=self._root,
                password=PASSWORD,
                uid=_OWNER.pw_uid,
                gid=_OWNER.pw_gid,
                port=self.ports["imap"],
                tls_port=self.ports["imaps"],
            )
        )
        self._process = subprocess.Popen(
            ["dovecot", "-F", "-c", self._root / "dovecot.conf"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = self._root / "log"
                words = log.read_text() if log.exists() else "no log"
                self.__exit__()
                raise RuntimeError(f"Dovecot does not answer:\n{words}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(_TIMEOUT_SECONDS)
        shutil.rmtree(self._root)

    def _listens(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.ports["imap"]), timeout=5) as probe:
                return probe.recv(4) == b"* OK"
        except OSError:
            return False


def make_maildir(folder: Path) -> None:
    """An empty Maildir that the server may write."""
    for place in (folder, *(folder / name for name in ("cur", "new", "tmp"))):
        place.mkdir(exist_ok=True)
        os.chown(place, _OWNER.pw_uid, _OWNER.pw_gid)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]
