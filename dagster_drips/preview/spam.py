"""What SpamAssassin makes of a mail, where it is installed: its rules without the network.

What belongs here is asking it about one mail; receivers' filters know more (reputation, what others received), so a
low score is no promise.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

from dagster_drips.clock import utc_now
from dagster_drips.errors import DripsError
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.message.content import RenderedMessage
from dagster_drips.message.mime import AddressError, Sender, build_message

PROGRAM = "spamassassin"
_SECONDS = 60
_HEADER = re.compile(r"^X-Spam-Drips: (?P<score>-?[\d.]+) (?P<required>[\d.]+) ?(?P<rules>.*)$", re.MULTILINE)
_PREFERENCES = "use_bayes 0\nreport_safe 0\nfold_headers 0\nadd_header all Drips _SCORE_ _REQD_ _TESTSSCORES(,)_\n"
# From a server to a server, as a receiver has it. The address is one for benchmarks: those for documentation count as
# forged.
_RECEIVED = (
    "Return-Path: <{sender}>\r\nReceived: from mail.{domain} (mail.{domain} [198.18.0.25])\r\n"
    "\tby mx.example.org (Postfix) with ESMTPS id 4FAB12C3D4\r\n\tfor <{recipient}>; {date}\r\n"
)


@dataclass(frozen=True)
class SpamScore:
    """A verdict.

    Args:
        score: the sum of its rules' points.
        required: from which on it would be spam.
        rules: name and points of each that matched, the most points first.
    """

    score: float
    required: float
    rules: list[tuple[str, float]]

    @property
    def is_spam(self) -> bool:
        """Whether a receiver with these rules alone would take it for spam."""
        return self.score >= self.required


def is_there() -> bool:
    """Whether SpamAssassin is installed."""
    return shutil.which(PROGRAM) is not None


def spam_score(
    rendered: RenderedMessage,
    *,
    sender: tuple[str | None, str, str | None],
    recipient: str,
    sequence_id: str,
    step_id: str,
) -> SpamScore:
    """The verdict on a rendered mail, unsigned and untracked; it takes some seconds.

    Args:
        rendered: the mail.
        sender: name, address and Reply-To.
        recipient: whom it would go to.
        sequence_id: of the mail.
        step_id: of the mail.

    Raises:
        DripsError: SpamAssassin is not installed or answers nothing, or an address is none.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise DripsError(f"{PROGRAM} is not installed")
    name, address, reply_to = sender
    try:
        message = build_message(
            rendered,
            message_id="0" * 32,
            sequence_id=sequence_id,
            step_id=step_id,
            sender=Sender(address, name, reply_to, None, verp=False),
            recipient=recipient,
            links=LinkMaker().of_message("0" * 32, replies_to=reply_to or address),
            date=utc_now(),
        )
    except AddressError as error:
        raise DripsError(str(error)) from error
    return _judged(program, _received(bytes(message.data), address, recipient))


def _received(data: bytes, sender: str, recipient: str) -> bytes:
    date = re.search(rb"^Date: ([^\r\n]+)", data, re.MULTILINE)
    told = date[1].decode() if date else ""
    address = parseaddr(sender)[1] or sender
    lines = _RECEIVED.format(sender=address, domain=address.rpartition("@")[2], recipient=recipient, date=told)
    return lines.encode() + data


def _judged(program: str, mail: bytes) -> SpamScore:
    with tempfile.TemporaryDirectory(prefix="drips-spam-") as folder:
        preferences = Path(folder) / "preferences.cf"
        preferences.write_text(_PREFERENCES, encoding="utf-8")
        try:
            done = subprocess.run(
                [program, "--local", "--nocreate-prefs", f"--prefs-file={preferences}"],
                input=mail.replace(b"\r\n", b"\n"),
                capture_output=True,
                check=False,
                timeout=_SECONDS,
                # Whatever it keeps goes with the folder.
                env={**os.environ, "HOME": folder, "LC_ALL": "C.UTF-8"},
            )
        except subprocess.TimeoutExpired as error:
            raise DripsError(f"{PROGRAM} has not answered in {_SECONDS} s") from error
    found = _HEADER.search(done.stdout.decode(errors="replace"))
    if found is None:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise DripsError(f"{PROGRAM} gave no verdict: {said[0] if said else f'it exited {done.returncode}'}")
    rules = [rule.partition("=") for rule in found["rules"].split(",") if "=" in rule]
    points = sorted(((name, float(value)) for name, _, value in rules), key=lambda rule: (-rule[1], rule[0]))
    return SpamScore(float(found["score"]), float(found["required"]), points)
