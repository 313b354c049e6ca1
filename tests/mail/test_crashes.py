"""The sending process is killed in mid-batch and started again: never twice, never lost."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from dagster_drips.mail.fold import fold
from dagster_drips.warehouse.port import open_warehouse

from .conftest import World
from .servers import ScriptedServer

MESSAGES = 300
CONNECTIONS = 4
KILL_AT = (1, 90, 230)
SCRIPT = Path(__file__).with_name("sending_process.py")


def test_a_killed_sender_leaves_at_most_one_message_a_connection_in_doubt_and_sends_none_twice(project):
    with open_warehouse(project.warehouse) as warehouse:
        world = World(project, warehouse)
        world.add_version()
        world.add_leads(MESSAGES)
    arrived = 0
    process: subprocess.Popen | None = None

    def count_and_kill(_) -> None:
        nonlocal arrived
        arrived += 1
        if arrived in KILL_AT and process is not None:
            process.kill()  # the server takes the message, the sender never hears of it
            process.wait()

    with ScriptedServer(on_data=count_and_kill) as server:
        for _ in range(len(KILL_AT) + 1):
            process = subprocess.Popen([sys.executable, SCRIPT, project.root, server.url, str(CONNECTIONS)])
            status = process.wait()
            assert status in (0, -9)
    assert status == 0

    with open_warehouse(project.warehouse) as warehouse:
        fold(project, warehouse)
        rows = World(project, warehouse).log()
    accepted = Counter(server.accepted)
    by_outcome = {kind: {row["message_id"] for row in rows if row["outcome"] == kind} for kind in ("sent", "in_doubt")}
    assert max(accepted.values()) == 1
    assert len(rows) == MESSAGES
    assert by_outcome["sent"] | by_outcome["in_doubt"] == {row["message_id"] for row in rows}
    assert by_outcome["sent"] <= set(accepted)
    assert set(accepted) - by_outcome["sent"] <= by_outcome["in_doubt"]
    assert len(KILL_AT) <= len(by_outcome["in_doubt"]) <= CONNECTIONS * len(KILL_AT)
