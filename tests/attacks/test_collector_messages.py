"""Messages made to do harm further on: names without end, depth, digits, sizes, control characters."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagster_drips.field_names import MAX_FIELDS
from dagster_drips.json_limits import MAX_DEPTH, MAX_DIGITS, MAX_KEYS, MAX_NAME_CHARACTERS
from tests.collector.collecting import counted
from tests.collector.event_server import Collector, serving

FIRST, SECOND = "the public write key of a page", "the write key of some server"
JUNK = 1_900


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    with serving(tmp_path, keys=f"{FIRST},{SECOND}") as one:
        yield one


def identify(collector: Collector, key: str, user: str, names: list[str]) -> None:
    message = {"userId": user, "traits": dict.fromkeys(names, 1) | {"email": f"{user}@acme.example"}}
    assert collector.post("/v1/identify", message, key=key).status_code == 200


def noted(collector: Collector) -> list[tuple[str, list[dict[str, Any]]]]:
    """What was kept raw: the problem, and the messages."""
    rows = [json.loads(line) for line in collector.lines("raw/events")]
    return [(row["headers"]["problem"], json.loads(b64decode(row["body"]))) for row in rows]


def junk(collector: Collector, key: str) -> None:
    """Names of new fields, more than a key may bring in."""
    for part in "ab":
        identify(collector, key, f"attacker-{part}", [f"junk_{part}_{number}" for number in range(JUNK)])


class TestNamesOfFields:
    def test_junk_of_one_key_leaves_other_keys_their_new_names(self, collector: Collector) -> None:
        junk(collector, FIRST)
        identify(collector, SECOND, "ada", ["plan", "seats"])
        *_, row = collector.rows("leads")
        assert row["changed_fields"] == ["plan", "seats", "email"]

    def test_names_that_are_declared_or_published_are_never_left_out(self, collector: Collector) -> None:
        project = collector.context.project
        (project.sequences / "project.yml").write_text("fields: {plan: text, Seats: integer}\n")
        project.published_set.mkdir(parents=True)
        project.published_fields.write_text(json.dumps(["lead_id", "favourite_colour"]))
        junk(collector, FIRST)
        identify(collector, FIRST, "ada", ["plan", "seats", "Favourite Colour", "one_more"])
        *_, row = collector.rows("leads")
        assert row["changed_fields"] == ["plan", "seats", "favourite_colour", "email"]

    def test_what_is_left_out_is_counted_and_kept_as_it_came(self, collector: Collector) -> None:
        junk(collector, FIRST)
        rows = collector.rows("leads")
        assert [len(row["changed_fields"]) for row in rows] == [JUNK + 1, MAX_FIELDS - JUNK + 1]
        assert [row["email"] for row in rows] == ["attacker-a@acme.example", "attacker-b@acme.example"]
        assert counted(collector.context.metrics, "traits_left_out") == 2 * JUNK - MAX_FIELDS
        [(problem, [message])] = noted(collector)
        assert "too many new ones" in problem and "'junk_b_100'" in problem
        assert len(message["traits"]) == JUNK + 1

    def test_a_name_without_end_is_left_out_and_not_remembered(self, collector: Collector) -> None:
        identify(collector, FIRST, "ada", ["x" * 100, "-" * 190, ""])
        [row] = collector.rows("leads")
        assert row["changed_fields"] == ["email"]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


BEYOND = {
    "depth": (nested(MAX_DEPTH), "inside one another"),
    "depth of lists": ({"a": json.loads("[" * 600 + "]" * 600)}, "inside one another"),
    "digits": ({"a": 10**MAX_DIGITS}, "digits"),
    "keys": (dict.fromkeys(map(str, range(MAX_KEYS)), 1), "keys"),
    "size": ({"a": "x" * 300_000}, "more than 256 KiB"),
    "a name": ({"x" * (MAX_NAME_CHARACTERS + 1): 1}, "a name of more than"),
    "a name below": ({"a": [{"x" * (MAX_NAME_CHARACTERS + 1): 1}]}, "a name of more than"),
    "NUL in a name": ({"a\0b": 1}, "control character"),
    "a line break in a name": ({"a": [{"b\nc": 1}]}, "control character"),
    "DEL in a name": ({"b\x7fc": 1}, "control character"),
    "a line separator in a name": ({"b\u2028c": 1}, "control character"),
}
STRANGE = [
    ({"userId": "ada\0"}, "userId has a control character"),
    ({"userId": "a\r\nb"}, "userId has a control character"),
    ({"anonymousId": "\x1b[31m"}, "anonymousId has a control character"),
    ({"messageId": "m\u0085"}, "messageId has a control character"),
    ({"event": "bought\n"}, "event has a control character"),
    ({"userId": "a" * 1_001}, "userId has more than 1,000 characters"),
    ({"event": "a" * 1_001}, "event has more than 1,000 characters"),
]
CALLS = [
    ("/v1/track", "properties"),
    ("/v1/identify", "traits"),
    ("/v1/page", "properties"),
    ("/v1/group", "traits"),
    ("/v1/track", "context"),
]


GROWING = {
    "values": b'{"batch":[' + b",".join([b"1"] * 500_002) + b"]}",
    "messages": b'{"batch":[' + b",".join([b'{"type":"track"}'] * 10_001) + b"]}",
    "context": b'{"context":{"a":"' + b"x" * 100_000 + b'"},"batch":[' + b",".join([b"{}"] * 1_000) + b"]}",
}


class TestLimits:
    @pytest.mark.parametrize("beyond", BEYOND)
    def test_what_is_beyond_one_is_refused_with_a_reason(self, collector: Collector, beyond: str) -> None:
        value, words = BEYOND[beyond]
        for path, part in CALLS:
            answer = collector.post(path, {"userId": "ada", "event": "e", part: value}, key=FIRST)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_message"), (path, part)
            assert words in answer.json()["message"]
        assert collector.rows("events") == collector.rows("leads") == []

    def test_ids_and_events_have_no_control_characters_and_an_end(self, collector: Collector) -> None:
        for strange, words in STRANGE:
            answer = collector.post("/v1/track", {"userId": "ada", "event": "e"} | strange, key=FIRST)
            assert answer.status_code == 400
            assert words in answer.json()["message"]

    def test_values_may_hold_any_text(self, collector: Collector) -> None:
        text = "a\0b\n\x7f\u2028" + "x" * 10_000
        message = {"userId": "ada", "event": "e", "properties": {"text": text, "deep": nested(MAX_DEPTH - 2)}}
        assert collector.post("/v1/track", message, key=FIRST).status_code == 200
        [row] = collector.rows("events")
        assert row["properties"]["text"] == text

    def test_of_a_batch_the_others_are_taken_and_these_are_kept_as_they_came(self, collector: Collector) -> None:
        good = [{"type": "track", "userId": str(number), "event": "e"} for number in range(3)]
        bad = [good[0] | {"properties": value} for value, _ in BEYOND.values()] + [good[0] | one for one, _ in STRANGE]
        batch = [good[0], *bad[:6], good[1], *bad[6:], good[2]]
        answer = collector.post("/v1/batch", json.dumps({"batch": batch}), key=FIRST)
        assert answer.status_code == 200
        assert [row["lead_id"] for row in collector.rows("events")] == ["0", "1", "2"]
        assert counted(collector.context.metrics, "refused_messages") == len(bad)
        kept = [message for _, messages in noted(collector) for message in messages]
        assert len(kept) == len(bad) and all(message in kept for message in bad)

    @pytest.mark.parametrize("words", GROWING)
    def test_a_batch_that_grows_while_it_is_read_is_refused(self, collector: Collector, words: str) -> None:
        body = gzip.compress(GROWING[words], 1)
        answer = collector.post("/v1/batch", body, key=FIRST, headers={"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert words in answer.json()["message"]
