"""A private Postfix on 127.0.0.1: real refusals, limits and TLS, and a Maildir in which tests read what arrived.

Here belong its configuration, its start and end, and the small policy service that it asks. One server listens on
several ports, one for each manner in `MANNERS`. Nothing of the machine's own Postfix is read or touched.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Self

# What a message's way through this server depends on: the domain of its recipient.
LOCAL = "example.org"
BUSY = "busy.example"
"""450 4.7.1 at RCPT, always."""
GREYLISTED = "grey.example"
"""450 4.2.0 at RCPT at the first attempt for a recipient, then accepted."""
LATER_AT_DATA = "at-data.example"
"""451 4.3.2 at DATA, the recipient having been accepted."""
LATER_AT_END = "at-end.example"
"""452 4.3.1 in answer to the whole message."""
FORBIDDEN_WORD = "forbidden"
"""In a subject: 550 5.7.1 in answer to the whole message."""
BLOCKED_SENDER = "blocked@acme.example"
"""554 5.7.1 as sender."""

SMALL_LIMIT = 20_000
ERROR_LIMIT = 5
MESSAGES_ALLOWED = 5
CONNECTIONS_ALLOWED = 2
MANNERS: dict[str, dict[str, object]] = {
    "open": {},
    "ascii": {"smtputf8_enable": "no"},
    "small": {"message_size_limit": SMALL_LIMIT},
    "impatient": {"smtpd_soft_error_limit": 2, "smtpd_hard_error_limit": ERROR_LIMIT},
    "few_connections": {"smtpd_client_connection_count_limit": CONNECTIONS_ALLOWED},
    "seldom": {"smtpd_client_connection_rate_limit": CONNECTIONS_ALLOWED},
    "slow": {"smtpd_client_message_rate_limit": MESSAGES_ALLOWED},
    "tls": {"smtpd_tls_security_level": "encrypt"},
}
"""Each port's settings beside those of `_MAIN`."""

_PATIENCE_SECONDS = 60.0
_OWNER_OF_MAIL = pwd.getpwnam("nobody")

_MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file_prefixes = {root}
maillog_file = {root}/log
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
alias_maps =
alias_database =
in_flow_delay = 0
# Whatever it has to say to a sender goes nowhere.
default_transport = discard:
notify_classes =

virtual_mailbox_domains = {domains}
virtual_mailbox_base = {root}
virtual_mailbox_maps = regexp:{root}/conf/users
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}

# No exceptions for this machine: it is a stranger like any other.
smtpd_client_event_limit_exceptions =
smtpd_client_connection_count_limit = 0
anvil_rate_time_unit = 3600s
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_relay_restrictions = reject_unauth_destination
smtpd_sender_restrictions = check_sender_access texthash:{root}/conf/senders
smtpd_recipient_restrictions =
    check_recipient_access texthash:{root}/conf/recipients
    reject_unlisted_recipient
    check_policy_service inet:127.0.0.1:{policy_port}
smtpd_data_restrictions = reject_unauth_pipelining, check_policy_service inet:127.0.0.1:{policy_port}
smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:{policy_port}
smtpd_forbid_unauth_pipelining = yes
header_checks = regexp:{root}/conf/headers
smtpd_tls_cert_file = {root}/conf/certificate.pem
smtpd_tls_key_file = {root}/conf/key.pem
smtpd_tls_received_header = yes
"""
_MASTER = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str | None:
    """Why Postfix can't run here; None if it can."""
    for command in ("postfix", "postconf", "openssl"):
        if shutil.which(command) is None:
            return f"{command} is not installed"
    return None if os.geteuid() == 0 else "Postfix starts as root only"


class Postfix:
    """The server, running while it is entered."""

    def __init__(self):
        # Sockets' paths may be 107 bytes long, and pytest's own folders are closed to other users.
        self._root = Path(tempfile.mkdtemp(prefix="drips-"))
        self._policy = _PolicyServer()
        self._ports = dict(zip(MANNERS, _free_ports(len(MANNERS)), strict=True))
        self._master: subprocess.Popen | None = None

    @property
    def certificate(self) -> Path:
        """Of the port `tls`: signed by itself, for 127.0.0.1."""
        return self._root / "conf" / "certificate.pem"

    @property
    def log(self) -> str:
        """What Postfix wrote to its log."""
        path = self._root / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def url(self, manner: str = "open") -> str:
        """What `DRIPS_SMTP_URL` would say."""
        scheme = "smtp+starttls" if manner == "tls" else "smtp"
        return f"{scheme}://127.0.0.1:{self._ports[manner]}"

    def arrived(self) -> list[EmailMessage]:
        """What lies in the Maildir once everything that was accepted has been delivered."""
        self._settle()
        return [
            message_from_bytes(path.read_bytes(), policy=policy.default)
            for path in sorted((self._root / "mail" / "new").iterdir())
        ]

    def arrived_ids(self) -> list[str]:
        """The messages' ids, sorted, each as often as it arrived."""
        return sorted(str(message["X-Drips-Message-Id"]) for message in self.arrived())

    def forget(self) -> None:
        """Empty the Maildir and the policy's memory."""
        self._settle()
        self._policy.seen.clear()
        for path in (self._root / "mail" / "new").iterdir():
            path.unlink()

    def __enter__(self) -> Self:
        try:
            self._policy.start()
            self._write_files()
            subprocess.run(["postfix", "-c", self._root / "conf", "check"], check=True, capture_output=True, text=True)
            daemons = subprocess.run(
                ["postconf", "-c", self._root / "conf", "-h", "daemon_directory"], check=True, capture_output=True
            ).stdout.decode()
            # The master makes itself a session of its own, and ends its children with itself; should this process be
            # killed, it goes by itself after an hour.
            self._master = subprocess.Popen(
                [Path(daemons.strip()) / "master", "-e", "3600", "-c", self._root / "conf"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self._wait(self._listens, "Postfix does not answer")
        except subprocess.CalledProcessError as error:
            self._end()
            raise RuntimeError(f"{error}: {error.stderr}") from error
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._end()

    def _end(self) -> None:
        if self._master is not None:
            self._master.send_signal(signal.SIGTERM)
            self._master.wait(_PATIENCE_SECONDS)
        self._policy.stop()
        shutil.rmtree(self._root)

    def _write_files(self) -> None:
        self._root.chmod(0o755)
        for name in ("conf", "queue", "data", "mail"):
            (self._root / name).mkdir()
        for folder in [self._root / "mail", *(self._root / "mail" / name for name in ("cur", "new", "tmp"))]:
            folder.mkdir(exist_ok=True)
            os.chown(folder, _OWNER_OF_MAIL.pw_uid, _OWNER_OF_MAIL.pw_gid)
        os.chown(self._root / "data", pwd.getpwnam("postfix").pw_uid, -1)
        main = _MAIN.format(
            root=self._root,
            domains=f"{LOCAL} {BUSY} {GREYLISTED} {LATER_AT_DATA} {LATER_AT_END}",
            uid=_OWNER_OF_MAIL.pw_uid,
            gid=_OWNER_OF_MAIL.pw_gid,
            policy_port=self._policy.port,
        )
        ports = "".join(
            f"127.0.0.1:{self._ports[manner]} inet n - n - - smtpd"
            + "".join(f"\n  -o {name}={value}" for name, value in options.items())
            + "\n"
            for manner, options in MANNERS.items()
        )
        files = {
            "main.cf": main,
            "master.cf": _MASTER + ports,
            "users": "/^(lead[0-9]+|jörg)@/ mail/\n",
            "senders": f"{BLOCKED_SENDER} 554 5.7.1 we don't want mail from you\n",
            "recipients": f"{BUSY} 450 4.7.1 too busy, try again later\n",
            "headers": f"/^Subject:.*{FORBIDDEN_WORD}/ REJECT no such subjects here\n",
        }
        for name, text in files.items():
            (self._root / "conf" / name).write_text(text, encoding="utf-8")
        self._make_certificate()

    def _make_certificate(self) -> None:
        # A key on an elliptic curve takes no time to make.
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        names = ["-subj", "/CN=mx.example.org", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", self._root / "conf" / "key.pem", "-out", self.certificate]
        subprocess.run([*command.split(), *names, *files], check=True, capture_output=True, text=True)

    def _listens(self) -> bool:
        assert self._master is not None
        if self._master.poll() is not None:
            raise RuntimeError(f"Postfix ended with {self._master.returncode}:\n{self.log}")
        try:
            # A connection here would count against the port's rate limit: one port speaks for all.
            with socket.create_connection(("127.0.0.1", self._ports["open"]), timeout=5) as probe:
                return probe.recv(4).startswith(b"220")
        except OSError:
            return False

    def _settle(self) -> None:
        self._wait(lambda: not self._queued(), "mail stays in Postfix's queue")

    def _queued(self) -> bool:
        # In the order in which a message moves on, so that none is overlooked.
        queues = (self._root / "queue" / name for name in ("maildrop", "incoming", "active", "deferred", "hold"))
        return any(path.is_file() for queue in queues for path in queue.rglob("*"))

    def _wait(self, condition, problem: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{problem}:\n{self.log[-4000:]}")
            time.sleep(0.02)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, no two the same."""
    with contextlib.ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]


class _PolicyServer:
    """Answers Postfix's questions (SMTPD_POLICY_README): greylisting, and refusals at DATA and after the body."""

    def __init__(self):
        self.seen: set[tuple[str, str]] = set()
        policy_server = self

        class Questions(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                asked: dict[str, str] = {}
                for line in self.rfile:
                    name, _, value = line.decode("utf-8", "replace").rstrip("\n").partition("=")
                    if name:
                        asked[name] = value
                        continue
                    self.wfile.write(f"action={policy_server.judge(asked)}\n\n".encode())
                    asked = {}

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Questions)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def judge(self, asked: dict[str, str]) -> str:
        domain = asked.get("recipient", "").rpartition("@")[2]
        match asked["protocol_state"], domain:
            case "RCPT", str(name) if name == GREYLISTED:
                pair = (asked["sender"], asked["recipient"])
                known = pair in self.seen
                self.seen.add(pair)
                return "DUNNO" if known else "450 4.2.0 Greylisted, try again later"
            case "DATA", str(name) if name == LATER_AT_DATA:
                return "451 4.3.2 not now"
            case "END-OF-MESSAGE", str(name) if name == LATER_AT_END:
                return "452 4.3.1 no room left"
        return "DUNNO"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
