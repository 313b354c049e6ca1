"""Who takes part, and the environment of each: made once by uv, kept in the system's temporary folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_DJANGO = "django~=5.2.0"
_YAGMAIL = ("yagmail==0.16.0", "jinja2==3.1.6")


@dataclass(frozen=True)
class Candidate:
    """One line of the table.

    `packages` are installed for it; None: it runs in this very environment. `script` is None for the ceiling, which is
    no Python. `slow` ones send fewer messages. `options` go to the script's `send`, behind the rest.
    """

    title: str
    script: Path | None
    packages: tuple[str, ...] | None
    slow: bool = True
    options: tuple[str, ...] = ()


CANDIDATES = {
    "ours": Candidate("dagster-drips", HERE / "ours.py", None, slow=False),
    "digest": Candidate("… 17 links, 100 values", HERE / "ours.py", None, slow=False, options=("digest",)),
    "plain": Candidate("Jinja2 + smtplib", HERE / "plain_loop.py", ("jinja2==3.1.6",)),
    "yagmail": Candidate("yagmail.send", HERE / "yagmail_send.py", _YAGMAIL),
    "yagmail_as_is": Candidate("… without inlined CSS", HERE / "yagmail_send.py", _YAGMAIL, options=("as-is",)),
    "post_office": Candidate(
        "django-post_office", HERE / "post_office_queue.py", ("django-post_office==3.12.0", _DJANGO)
    ),
    "drip_campaigns": Candidate(
        "django-drip-campaigns", HERE / "drip_campaigns.py", ("django-drip-campaigns==1.16.2", _DJANGO)
    ),
    "ceiling": Candidate("smtp-source (ceiling)", None, None, slow=False),
}

SIGNED = {
    "rsa": Candidate("… DKIM, RSA-2048", HERE / "ours.py", None, slow=False, options=("rsa",)),
    "ed25519": Candidate("… DKIM, Ed25519", HERE / "ours.py", None, slow=False, options=("ed25519",)),
    "digest": CANDIDATES["digest"],
    "digest_rsa": Candidate("… … DKIM, RSA-2048", HERE / "ours.py", None, slow=False, options=("digest", "rsa")),
}
"""Ours again, with a signature on every message, and the digest without and with one."""

ASKING = {
    "landing": Candidate("… events landing", HERE / "ours.py", None, slow=False, options=("landing",)),
    "exits": Candidate("… exits asked again", HERE / "ours.py", None, slow=False, options=("exits",)),
}
"""Ours again, with a file of events landing every second of the sending; then with exits asked again of them."""


SHOWING = {
    "values": Candidate("… ten more values", HERE / "ours.py", None, slow=False, options=("values",)),
    "content": Candidate("… three content models", HERE / "ours.py", None, slow=False, options=("content",)),
}
"""Ours again, with mails that show ten values more of the lead, and as many of three content models (M9)."""


def sharded(count: int, *, signed: bool = False) -> Candidate:
    """Ours again, by so many processes; with RSA signatures where signing is measured."""
    options = (f"shards-{count}", *(("rsa",) if signed else ()))
    title = f"… {count} shards{', RSA-2048' if signed else ''}"
    return Candidate(title, HERE / "ours.py", None, slow=False, options=options)


def interpreter_for(candidate: Candidate) -> Path:
    """The Python that runs it; its environment is made where it isn't there yet."""
    if candidate.packages is None:
        return Path(sys.executable)
    version = f"py{sys.version_info.major}.{sys.version_info.minor}"
    name = "-".join((version, *sorted(candidate.packages)))
    environment = Path(tempfile.gettempdir()) / f"drips-bench-peers-{os.getuid()}" / name
    python = environment / "bin" / "python"
    made = environment / "made"
    if not made.exists():
        environment.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(environment, ignore_errors=True)
        _uv("venv", "--python", sys.executable, str(environment))
        _uv("pip", "install", "--compile-bytecode", "--python", str(python), *candidate.packages)
        made.touch()
    return python


def _uv(*arguments: str) -> None:
    if path := shutil.which("uv"):
        command = [path]
    elif importlib.util.find_spec("uv"):
        command = [sys.executable, "-m", "uv"]
    else:
        raise SystemExit("uv is missing, which makes the others' environments: pip install uv, or --peers none")
    done = subprocess.run([*command, *arguments, "--quiet"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"uv {' '.join(arguments)} failed: {done.stderr.strip()}")
