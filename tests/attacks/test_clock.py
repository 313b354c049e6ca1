"""A tick in the far future, by a mistake or a wrong clock, and the way back from it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from end_to_end.shop import Shop, new_shop
from smtp.servers import ScriptedServer
from typer.testing import CliRunner

from dagster_drips.cli.app import app
from dagster_drips.cli.commands import __all__ as COMMANDS
from dagster_drips.errors import DripsError
from dagster_drips.pipeline.rebuild import rebuild
from dagster_drips.pipeline.tick_journal import TickJournal

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path) -> Shop:
    return new_shop(tmp_path)


def commits(shop: Shop) -> list[str]:
    return [commit.name for commit in TickJournal(shop.project.journal / "ticks").commits()]


def test_run_refuses_an_instant_far_ahead_before_anything_starts(shop):
    assert "run" in COMMANDS
    ahead = (datetime.now() + timedelta(days=400)).isoformat(timespec="seconds")
    result = CliRunner().invoke(app, ["run", "--as-of", ahead, "--project", str(shop.project.root)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: --as-of {ahead} lies more than a year ahead")
    assert "--future" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (shop.project.journal / "ticks").exists()


def test_a_tick_ahead_that_sent_nothing_is_set_aside(shop):
    with ScriptedServer() as server:
        shop.tick(server.url)
        before, kept = shop.now, commits(shop)
        shop.land("leads", [{"lead_id": "late", "email": "late@x.example", "created_at": "2026-01-01"}])
        shop.now = datetime.now().replace(microsecond=0) + timedelta(days=3650)
        shop.tick(server.url)
        shop.now = before
        with pytest.raises(DripsError, match=r"ahead of the clock.*rebuild --until"):
            shop.tick(server.url)
        shop.now = before
        report = rebuild(shop.project, until=before)
        assert report.set_aside == 2
        assert commits(shop) == kept
        assert len(list((shop.project.journal / "ticks").rglob("set-aside-*"))) == 2
        # What the tick ahead had loaded is loaded anew.
        shop.enter("late")
        shop.tick(server.url)
    assert [message["To"] for message in server.messages] == ["late@x.example"]


def test_there_must_be_a_tick_to_go_back_to(shop):
    with ScriptedServer() as server:
        shop.tick(server.url)
    with pytest.raises(DripsError, match="no tick is as early as that"):
        rebuild(shop.project, until=shop.now - timedelta(days=1))
