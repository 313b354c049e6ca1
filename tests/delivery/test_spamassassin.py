"""The example sequences as a receiver's spam filter sees them: Debian's SpamAssassin, with offline rules only."""

import json
import mailbox
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from smtp.servers import ScriptedServer

from dagster_drips.delivery.dispatch import dispatch
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog, segment_names
from dagster_drips.settings import Settings
from dagster_drips.warehouse.port import open_warehouse

from .conftest import AS_OF, WALL, World

pytestmark = pytest.mark.slow

LIMIT = 2.0
EXAMPLES = Path(__file__).parents[2]
RULES = Path("/usr/share/spamassassin")
PLUGINS = Path("/etc/spamassassin")
CART = {"product": "Acme Team, yearly", "items": 2, "total": 348.0}
LEADS: dict[str, dict[str, Any]] = {
    "full": {"first_name": "María", "company": "Nordwind Logistik GmbH", "plan": "trial", "employees": 420},
    "sparse": {"first_name": None, "company": None, "plan": None, "employees": None},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "untracked": {},
    "tracked": {"public_url": "https://mail.acme.example", "secret_keys": "0123456789abcdef0123456789abcdef"},
}
# A plain swindle; with the rules at work it needs no test string to be known.
SWINDLE = b"""\
Return-Path: <winner@lottery.example>
Received: from unknown (unknown [198.18.0.99])
\tby mx.example.org (Postfix) with SMTP id 4FAB12C3D4
\tfor <lead1@example.org>; Mon, 02 Mar 2026 09:00:07 +0000
From: "MRS. GRACE BANK MANAGER" <winner@lottery.example>
To: undisclosed-recipients:;
Subject: YOU HAVE WON!!! CLAIM YOUR $5,000,000.00 NOW!!!
Content-Type: text/html

<html><body><font color="#fffffe" size=1>x</font>
DEAR FRIEND, I am a barrister and next of kin to the late Mr. Smith. TEN MILLION UNITED STATES DOLLARS (US$10,000,000)
in a bank in Nigeria. This business transaction is 100% risk free. Please send your bank account number, Viagra, Cialis.
CLICK HERE NOW <a href="http://198.18.0.99/viagra">http://bank.example/</a></body></html>
"""


@dataclass(frozen=True)
class Verdict:
    """What the filter makes of one mail."""

    score: float
    rules: str


def missing() -> str | None:
    if shutil.which("spamassassin") is None:
        return "spamassassin is not installed"
    if not list(RULES.glob("*.cf")) or not list(PLUGINS.glob("*.pre")):
        return "spamassassin's own rules or plugin lists are not where Debian puts them"
    return None


def add_examples(world: World, lead: dict[str, Any]) -> dict[str, str]:
    """Every step and variant of the example sequences due to such a lead; message_id → sequence/step/variant."""
    project = Project.at(EXAMPLES)
    catalog = read_catalog(project, segments=segment_names(project))
    assert catalog.errors == []
    names: dict[str, str] = {}
    for source in catalog.sources.values():
        definition = json.loads(source.definition)
        world.warehouse.execute(
            "insert into journal.sequence_versions values (?, ?, ?, 'active', 'valid', ?, ?, null, 1)",
            [source.sequence_id, source.version_id, AS_OF, source.definition, source.files_json],
        )
        for step in definition["steps"]:
            for variant in step.get("variants") or [{"id": None}]:
                number = len(names) + 1
                message_id = world.add_lead(
                    number,
                    sequence_id=source.sequence_id,
                    version_id=source.version_id,
                    step_id=step["id"],
                    variant_id=variant["id"],
                    sender_email=definition["sender"]["email"],
                    sender_name=definition["sender"].get("name"),
                    sender_reply_to=definition["sender"].get("reply_to"),
                    trigger_kind=source.sequence.trigger.kind,
                    occurrence_id=f"event{number}",
                )
                names[message_id] = f"{source.sequence_id}/{step['id']}" + (
                    f"/{variant['id']}" if variant["id"] else ""
                )
    world.warehouse.execute("alter table staging.stg_leads add column employees integer")
    world.warehouse.execute(
        "update staging.stg_leads set first_name = ?, company = ?, plan = ?, employees = ?",
        [lead["first_name"], lead["company"], lead["plan"], lead["employees"]],
    )
    world.warehouse.execute(
        "insert into raw.events by name select occurrence_id as event_id, lead_id, 'cart' as event,"
        " ? as occurred_at, ? as properties, 348 as value, 'EUR' as currency, 1 as _load, 1 as _line"
        " from decide.due_steps where trigger_kind = 'event' and sequence_id = 'abandoned_cart'",
        [AS_OF, json.dumps(CART)],
    )
    return names


def received(content: bytes) -> bytes:
    """The mail as it lies in a mailbox: with what the receiver's server puts in front of it."""
    message = message_from_bytes(content)
    sender = re.sub(r".*<|>.*", "", str(message["From"]), flags=re.DOTALL)
    # The address is one for benchmarks: those for documentation count as forged (RCVD_ILLEGAL_IP).
    lines = [
        f"Return-Path: <{sender}>",
        "Received: from mail.acme.example (mail.acme.example [198.18.0.25])",
        "\tby mx.example.org (Postfix) with ESMTPS id 4FAB12C3D4",
        f"\tfor <{message['To']}>; {message['Date']}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n" + content


def send_examples(root: Path, lead: dict[str, Any], settings: dict[str, Any]) -> dict[str, bytes]:
    """The example mails, made and sent by dispatch, as a receiver has them."""
    for name in ("sequences", "dbt_project"):
        (root / name).mkdir(parents=True)
    project = Project.at(root)
    with open_warehouse(project.warehouse) as warehouse, ScriptedServer() as server:
        world = World(project, warehouse)
        names = add_examples(world, lead)
        report = dispatch(project, warehouse, Settings(smtp_url=server.url, **settings), as_of=AS_OF, now=lambda: WALL)
        failures = [row["detail"] for row in world.log() if row["outcome"] != "sent"]
        assert (failures, report.sent) == ([], len(names))
        return {names[name]: received(content) for name, content in zip(server.accepted, server.contents, strict=True)}


def judge(folder: Path, mails: dict[str, bytes]) -> dict[str, Verdict]:
    """All mails judged by one SpamAssassin, which takes seconds to start; nothing of the machine's settings counts."""
    site, preferences = folder / "site", folder / "preferences.cf"
    site.mkdir(parents=True)
    for path in PLUGINS.glob("*.pre"):
        shutil.copy(path, site)
    preferences.write_text("use_bayes 0\nreport_safe 0\nadd_header all Verdict _SCORE_ _TESTSSCORES(,)_\n")
    box = mailbox.mbox(folder / "mails")
    for name, content in mails.items():
        message = message_from_bytes(b"X-Example: " + name.encode() + b"\n" + content.replace(b"\r\n", b"\n"))
        # The mark goes last: rules look at what stands first.
        del message["X-Example"]
        message["X-Example"] = name
        box.add(message)
    box.close()
    command = ["spamassassin", "--local", "--mbox", "--nocreate-prefs"]
    places = [f"--configpath={RULES}", f"--siteconfigpath={site}", f"--prefs-file={preferences}"]
    done = subprocess.run(
        [*command, *places, folder / "mails"],
        capture_output=True,
        env={**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr.decode()
    (folder / "judged").write_bytes(done.stdout)
    verdicts: dict[str, Verdict] = {}
    for message in mailbox.mbox(folder / "judged"):
        score, _, rules = "".join(str(message["X-Spam-Verdict"]).replace("\n", "")).partition(" ")
        verdicts[str(message["X-Example"])] = Verdict(float(score), ", ".join(rules.replace(",", " ").split()))
    assert verdicts.keys() == mails.keys()
    return verdicts


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("spam")
    mails = {"swindle": SWINDLE}
    for (kind, lead), (links, settings) in zip(LEADS.items(), reversed(SETTINGS.items()), strict=True):
        sent = send_examples(folder / kind, lead, settings)
        mails |= {f"{name} ({kind} lead, {links})": content for name, content in sent.items()}
    return judge(folder / "filter", mails)


def test_every_example_mail_scores_below_two(verdicts):
    examples = {name: verdict for name, verdict in verdicts.items() if name != "swindle"}
    assert len({name.partition("/")[0] for name in examples}) == 5
    too_high = [
        f"{verdict.score:.1f} {name}: {verdict.rules}" for name, verdict in examples.items() if verdict.score >= LIMIT
    ]
    assert not too_high, "\n" + "\n".join(too_high)


def test_no_example_mail_owes_its_score_to_being_trusted(verdicts):
    assert [name for name, verdict in verdicts.items() if re.search("ALL_TRUSTED|WELCOMELIST", verdict.rules)] == []


def test_the_filter_knows_a_swindle(verdicts):
    assert verdicts["swindle"].score >= 5, verdicts["swindle"].rules
