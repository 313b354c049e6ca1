"""Calls over HTTP with a page's key: what is taken, what is marked, how much."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dagster_drips.settings import Settings
from tests.attacks.town import IDENTITY, PAGE, SERVER, proof
from tests.collector.collecting import counted
from tests.collector.event_server import Collector, serving

pytestmark = pytest.mark.slow

KEYS = {"keys": SERVER, "page_keys": f"{PAGE},another-page", "identity_keys": f"the-new-one,{IDENTITY}"}


def track(user: str | None = "42", **more: object) -> dict[str, object]:
    return {"type": "track", "event": "e", "userId": user, **more}


def test_rows_say_whose_word_they_are(tmp_path: Path) -> None:
    with serving(tmp_path, **KEYS) as collector:
        batch = [
            track("1"),
            track("2", context={"userHash": proof("2")}),
            track("3", context={"userHash": proof("3", key="the-new-one").upper()}),
            track(None, anonymousId="4"),
        ]
        # The key by any of its ways.
        assert collector.post("/v1/batch", {"batch": batch}, key=PAGE).status_code == 200
        assert collector.post("/v1/track", {"writeKey": PAGE, **track("5")}, key=None).status_code == 200
        assert collector.post(f"/v1/track?writeKey={PAGE}", track("6"), key=None).status_code == 200
        assert collector.post("/v1/track", {"writeKey": SERVER, **track("7")}, key=PAGE).status_code == 200
        assert collector.post("/v1/track", track("8"), key=SERVER).status_code == 200
        rows = {row["lead_id"]: row.get("_drips_source") for row in collector.rows("events")}
    marks = dict.fromkeys("1567", "page") | {"2": "verified", "3": "verified", "anonymous:4": "anonymous", "8": None}
    assert rows == marks


def test_a_wrong_proof_is_told_and_the_rest_of_its_batch_taken(tmp_path: Path) -> None:
    with serving(tmp_path, **KEYS) as collector:
        wrong = track("42", context={"userHash": proof("43")})
        assert collector.post("/v1/track", wrong, key=PAGE).status_code == 400
        assert collector.post("/v1/batch", {"batch": [wrong, track("1")]}, key=PAGE).status_code == 200
        assert counted(collector.context.metrics, "refused_messages") == 1
        assert [row["lead_id"] for row in collector.rows("events")] == ["1"]
        kept = collector.lines("raw/events")
    assert len(kept) == 1 and "userHash does not fit the userId" in kept[0]


def test_one_hash_for_a_batch_proves_its_own_user_alone(tmp_path: Path) -> None:
    with serving(tmp_path, **KEYS) as collector:
        body = {"batch": [track("42"), track("43")], "context": {"userHash": proof("42")}}
        collector.post("/v1/batch", body, key=PAGE)
        rows = collector.rows("events")
    assert [(row["lead_id"], row["_drips_source"]) for row in rows] == [("42", "verified")]


class Clock:
    """A collector's clock that tests set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, 59, 30)

    def __call__(self) -> datetime:
        return self.time


def test_a_pages_key_brings_in_so_much_an_hour(tmp_path: Path) -> None:
    with serving(tmp_path, **KEYS, page_messages_per_hour=5) as collector:
        clock = Clock()
        object.__setattr__(collector.context, "now", clock)
        batch = {"batch": [track(str(number)) for number in range(4)]}
        assert collector.post("/v1/batch", batch, key=PAGE).status_code == 200
        refused = collector.post("/v1/batch", batch, key=PAGE)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        assert refused.json()["code"] == "too_many" and refused.headers["access-control-allow-origin"] == "*"
        assert collector.post("/v1/track", track(), key=PAGE).status_code == 200, "there was room for one"
        assert collector.post("/v1/track", track(), key=PAGE).status_code == 429
        assert collector.post("/v1/track", track(), key="another-page").status_code == 200, "each has its own"
        assert collector.post("/v1/batch", {"batch": [track()] * 20}, key=SERVER).status_code == 200
        assert counted(collector.context.metrics, "messages_over_the_ceiling") == 5
        clock.time += timedelta(seconds=30)
        assert collector.post("/v1/batch", batch, key=PAGE).status_code == 200
        assert len(collector.rows("events")) == 4 + 1 + 1 + 20 + 4


def test_what_is_refused_takes_no_room(tmp_path: Path) -> None:
    with serving(tmp_path, **KEYS, page_messages_per_hour=1) as collector:
        for key in (None, "no key", SERVER + "x"):
            assert collector.post("/v1/track", track(), key=key).status_code == 401
        assert collector.post("/v1/track", "not json", key=PAGE).status_code == 400
        assert collector.post("/v1/track", track(), key=PAGE).status_code == 200


def test_what_comes_by_an_open_hook_is_anybodys_word(tmp_path: Path) -> None:
    (tmp_path / "sequences").mkdir()
    hooks = "hooks: {crm: {open: true, events: [{event: {path: kind}, lead_id: who, properties: {anonymous_id: old}}]}}"
    (tmp_path / "sequences" / "hooks.yml").write_text(hooks)
    with serving(tmp_path, **KEYS) as collector:
        body = {"kind": "identified", "who": "mallory", "old": "42", "_drips_source": None}
        assert collector.post("/hooks/crm", body, key=None).status_code == 200
        [row] = collector.rows("events")
    assert row["_drips_source"] == "page", "so that it joins nobody (stg_identities)"


@pytest.mark.parametrize("setting", ["write_keys", "identity_keys", "secret_keys"])
def test_a_pages_key_is_nothing_else(setting: str) -> None:
    with pytest.raises(ValueError, match="DRIPS_PAGE_KEYS has a key of DRIPS_") as error:
        Settings(page_keys="public-key", **{setting: "public-key"}, _env_file=None)
    assert "public-key" not in str(error.value)


def test_a_server_key_in_a_page_is_counted(tmp_path: Path) -> None:
    with serving(tmp_path, **KEYS) as collector:
        _post_from_a_page(collector, SERVER)
        _post_from_a_page(collector, PAGE)
        assert counted(collector.context.metrics, "server_key_in_a_page") == 1


def _post_from_a_page(collector: Collector, key: str) -> None:
    headers = {"Origin": "https://shop.example"}
    assert collector.post("/v1/track", track(), key=key, headers=headers).status_code == 200
