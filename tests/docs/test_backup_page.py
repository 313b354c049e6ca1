"""What docs/backup.md says brings a project back, with a warning where its journal lacks mail that went out."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from attacks.hostile_smtp import HostileServer
from conftest import REPOSITORY
from end_to_end.shop import Shop, new_shop

from dagster_drips.pipeline.lost_mail import signs_of_lost_mail
from dagster_drips.pipeline.publish import publish
from dagster_drips.project import Project
from dagster_drips.warehouse import open_warehouse

BACKUP = (REPOSITORY / "docs" / "backup.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ENGAGEMENT = """
insert into raw.engagement (engagement_id, message_id, type, occurred_at, _load, _line)
select $1, $1, 'opened', cast($2 as timestamp), 1, 1
"""
DELIVERY = """
insert into raw.delivery_log
    (message_id, attempt, outcome, recorded_at, as_of, enrollment_id, sequence_id, step_id, lead_id, sender, recipient,
     scheduled_at, transactional)
values ('known', 1, 'sent', '2026-03-02', '2026-03-02', 'e', 's', 'a', 'l', 'a@x', 'b@x', '2026-03-02', false)
"""


def published(shop: Shop) -> None:
    shop.measure()
    with open_warehouse(shop.project.warehouse) as warehouse:
        publish(warehouse, shop.project.published)


@pytest.mark.slow
def test_a_project_is_backed_up_restored_and_warned_of_mail_that_its_journal_lacks(tmp_path: Path) -> None:
    def run(script: str, where: Path) -> None:
        ran = subprocess.run(["sh", "-ec", script], cwd=where, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr

    back_up, restore = (text for language, text in BLOCK.findall(BACKUP)[:2] if language == "sh")
    back_up = back_up.replace("rsync -a", "mkdir -p backup && cp -a")  # the same where rsync is not installed
    back_up = re.sub(r"(cp -a \S+?)/ (\S+?)/\n", r"\1 \2\n", back_up)
    restore = restore.partition("drips rebuild")[0]
    with HostileServer("none", None) as server:
        shop = new_shop(tmp_path)
        shop.sign_up("ada")
        shop.tick(server.url)
        published(shop)
        root = shop.project.root
        run(back_up, root)
        assert signs_of_lost_mail(shop.project) == []
        shop.sign_up("bob")
        shop.tick(server.url)
        published(shop)
    assert signs_of_lost_mail(shop.project) == []
    # The disk is gone but for what was published.
    shutil.copytree(root / "sequences", tmp_path / "new" / "sequences")
    shutil.copytree(root / "dbt_project", tmp_path / "new" / "dbt_project", symlinks=True)
    shutil.move(root / "backup", tmp_path / "new" / "backup")
    run(restore, tmp_path / "new")
    restored = Project.at(tmp_path / "new")
    assert signs_of_lost_mail(restored) == []
    shutil.copytree(root / "data" / "published", restored.published, symlinks=True)
    (sign,) = signs_of_lost_mail(restored)
    assert "marts were published of the tick at" in sign and "the journal doesn't know" in sign


def test_answers_to_mail_that_the_journal_lacks_are_a_sign_too(tmp_path: Path) -> None:
    for name in ("sequences", "dbt_project", "data"):
        (tmp_path / name).mkdir()
    project = Project.at(tmp_path)
    assert signs_of_lost_mail(project) == []
    with open_warehouse(project.warehouse) as warehouse:
        for message_id, moment in (("known", "2026-03-03"), ("of another system", "2026-02-01")):
            warehouse.execute(ENGAGEMENT, [message_id, moment])
        warehouse.execute(DELIVERY)
    assert signs_of_lost_mail(project) == []
    with open_warehouse(project.warehouse) as warehouse:
        warehouse.execute(ENGAGEMENT, ["unknown", "2026-03-04 10:00:00"])
    (sign,) = signs_of_lost_mail(project)
    assert "of 1 message have landed that the journal doesn't know, the latest of 2026-03-04T10:00:00Z" in sign
