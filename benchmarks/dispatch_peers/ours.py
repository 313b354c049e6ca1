"""dagster-drips: due rows in a DuckDB warehouse, sent by `dispatch()` with its journal on.

Signed with DKIM where a further argument of `send` names the algorithm, `rsa` (2048 bits) or `ed25519`; the key is made
before the clock runs. With `landing` a file of events lands every second;
with `exits` exits are asked again of them (L1) too. With `content` mails show three content models (M9), and freezing
them counts as sending; with `values` they show as many values of the lead. With `shards-N` N processes send them. With
`digest` they are
`digest.html` instead of the newsletter: 17 links that name their reader, and 100 values.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from reporting import Stopwatch

from dagster_drips.clock import utc_now
from dagster_drips.delivery.dispatch import dispatch
from dagster_drips.landing.load import load_landing
from dagster_drips.pipeline.content import freeze_content
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from dagster_drips.warehouse.port import Warehouse, open_warehouse

HERE = Path(__file__).parent
TESTS = HERE.parent.parent / "tests"
TABLES = TESTS / "delivery" / "due_tables.sql"
DIGEST = HERE / "digest.html"
EVENTS_A_FILE = 200
AS_OF = datetime(2026, 3, 2, 9, 0)
IDENTITY = {
    "sender_id": "ada",
    "address": "ada@acme.example",
    "email": "ada@acme.example",
    "servers": ["default"],
    "verp": False,
    "dkim_domain": "acme.example",
    "dkim_selector": "drips",
}


def prepare(folder: Path, messages: int) -> None:
    sys.path.append(str(TESTS))
    import content
    from dbt_models import view_of

    for name in ("sequences", "dbt_project"):
        (folder / name).mkdir()
    step = {"id": "report", "subject": content.SUBJECT, "template": "newsletter.html"}
    version = {
        "sequence_id": "weekly",
        "version_id": "v1",
        "seen_at": AS_OF,
        "status": "active",
        "file_state": "valid",
        "definition": json.dumps({"name": "Weekly report", "steps": [step]}),
        "files": json.dumps({"newsletter.html": content.HTML.read_text(encoding="utf-8")}),
    }
    with open_warehouse(Project.at(folder).warehouse) as warehouse:
        warehouse.execute(TABLES.read_text(encoding="utf-8"))
        warehouse.execute(view_of("sendable_steps"))
        warehouse.append_rows("journal.sequence_versions", [version])
        sql = (HERE / "leads.sql").read_text(encoding="utf-8")
        # Written here and not bound: DuckDB binds no parameters over several statements.
        warehouse.execute(sql.replace("$messages", str(messages)).replace("$as_of", f"'{AS_OF.isoformat()}'"))
        warehouse.checkpoint()


def send(folder: Path, port: int, connections: int, messages: int, *options: str) -> None:
    project = Project.at(folder)
    algorithm = next((option for option in options if option in ("rsa", "ed25519")), None)
    settings = Settings(
        dkim_keys={IDENTITY["sender_id"]: private_key(algorithm)} if algorithm else {},
        smtp_url=f"smtp://127.0.0.1:{port}",
        smtp_connections=connections,
        send_shards=next((int(option[7:]) for option in options if option.startswith("shards-")), 1),
        public_url="https://mail.acme.example",
        secret_keys="benchmark-key-of-thirty-two-bytes",
    )
    with open_warehouse(project.warehouse) as warehouse:
        lands = bool({"landing", "exits"} & {*options})
        refresh = events_landing(folder, warehouse, asks="exits" in options) if lands else None
        if algorithm:
            warehouse.append_rows("raw.sender_identities", [IDENTITY])
        if "digest" in options:
            files = {"newsletter.html": DIGEST.read_text(encoding="utf-8")}
            warehouse.execute((HERE / "digest.sql").read_text(encoding="utf-8"), [json.dumps(files)])
        if "content" in options:
            add_content_models(warehouse)
        if "values" in options:
            warehouse.execute((HERE / "more_values.sql").read_text(encoding="utf-8"))
        watch = Stopwatch()
        if "content" in options and (failures := freeze_content(warehouse)):
            sys.exit(str(failures[0]))
        report = dispatch(project, warehouse, settings, as_of=AS_OF, now=utc_now, refresh=refresh)
        watch.report(lambda: report.sent, note=report.stopped)


def add_content_models(warehouse: Warehouse) -> None:
    sys.path.append(str(TESTS))
    from dbt_models import view_of

    sql = (HERE / "content_models.sql").read_text(encoding="utf-8")
    warehouse.execute(sql.replace("$as_of", f"'{AS_OF.isoformat()}'"))
    warehouse.execute(view_of("content_keys"))
    warehouse.checkpoint()


def events_landing(folder: Path, warehouse: Warehouse, *, asks: bool) -> Callable[[], None]:
    """Each call lands a file of events and loads it; `asks` has exits asked again of them, as a tick does."""
    sys.path.append(str(TESTS))
    from dbt_models import view_of

    project = Project.at(folder)
    if asks:
        warehouse.execute((HERE / "exits.sql").read_text(encoding="utf-8"))
        warehouse.execute(view_of("exited_steps"))
    landing = project.landing / "events"
    landing.mkdir(parents=True)
    numbers = itertools.count()

    def land() -> None:
        file = next(numbers)
        at = f"{AS_OF.isoformat()}Z"
        rows = [
            {"event_id": f"{file}-{row}", "lead_id": f"other-{row}", "event": "purchase", "occurred_at": at}
            for row in range(EVENTS_A_FILE)
        ]
        (landing / f"{file:06}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        load_landing(project, warehouse, kinds=("events",), fields={}, loaded_at=utc_now())

    return land


def private_key(algorithm: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(65537, 2048) if algorithm == "rsa" else ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


if __name__ == "__main__":
    verb, root, *more = sys.argv[1:]
    numbers, options = [int(text) for text in more if text.isdigit()], [text for text in more if not text.isdigit()]
    {"prepare": prepare, "send": send}[verb](Path(root), *numbers, *options)
