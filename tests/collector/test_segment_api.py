"""Segment's HTTP API: who may post, what is answered, and the rows that messages become."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from dagster_drips.collector.events.segment_api import MOST_BYTES
from dagster_drips.landing.load import load_landing
from dagster_drips.warehouse.port import open_warehouse
from tests.collector.collecting import counted
from tests.collector.event_server import KEY, NOW, Collector, serving


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    with serving(tmp_path) as served:
        yield served


def test_a_track_call_is_an_event_whose_key_is_the_message_id(collector):
    answer = collector.post(
        "/v1/track",
        {
            "messageId": "m1",
            "userId": "ada",
            "event": "report_made",
            "timestamp": "2026-03-01T13:00:00.500+02:00",
            "properties": {"pages": 3},
        },
    )
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert collector.rows("events") == [
        {
            "event_id": "m1",
            "lead_id": "ada",
            "event": "report_made",
            "occurred_at": "2026-03-01T11:00:00.500Z",
            "received_at": "2026-03-01T12:00:00.000Z",
            "properties": {"pages": 3},
        }
    ]


def test_properties_keep_their_spelling_on_one_line(collector):
    body = '{"userId": 5, "event": "e",\n "properties": {"price":\n 1.50, "big": 1e3, "name": "a\\nb"}}'
    collector.post("/v1/track", body)
    [row] = collector.raw_rows("events")
    assert bytes(row["properties"]) == b'{"price":  1.50, "big": 1e3, "name": "a\\nb"}'
    assert bytes(row["lead_id"]) == b'"5"'


def test_a_batch_comes_by_any_of_its_addresses(collector):
    paths = ["/v1/batch", "/v1/b", "/v1/import", "/batch", "/import", f"/beacon/v1/batch?writeKey={KEY}"]
    for path in paths:
        messages = [{"type": "track", "event": f"{path}{number}", "userId": "ada"} for number in range(2)]
        assert collector.post(path, {"batch": messages}, key=None if "?" in path else KEY).status_code == 200
    assert [row["event"] for row in collector.rows("events")] == [f"{path}{n}" for path in paths for n in range(2)]


def test_pages_and_screens_have_their_name_among_the_properties(collector):
    page = {"userId": "ada", "name": "Prices", "category": "Shop", "properties": {"url": "https://a.example/p"}}
    collector.post("/v1/page", page)
    collector.post("/v1/p", {"userId": "ada", "name": "Prices", "properties": {"name": "its own"}})
    collector.post("/screen", {"userId": "ada", "name": "Home"})
    assert [(row["event"], row["properties"]) for row in collector.rows("events")] == [
        ("page_viewed", {"name": "Prices", "category": "Shop", "url": "https://a.example/p"}),
        ("page_viewed", {"name": "its own"}),
        ("screen_viewed", {"name": "Home"}),
    ]


TIMES = [
    ({}, "2026-03-01T12:00:00.000Z"),
    ({"timestamp": "2026-02-01"}, "2026-02-01T00:00:00.000Z"),
    # A clock that is an hour ahead, and a message that waited ten minutes.
    ({"timestamp": "2026-03-01T12:50:00Z", "sentAt": "2026-03-01T13:00:00Z"}, "2026-03-01T11:50:00.000Z"),
    # A clock that is years behind.
    ({"timestamp": "1999-12-31T23:59:59Z", "sentAt": "2000-01-01T00:00:00Z"}, "2026-03-01T11:59:59.000Z"),
    ({"originalTimestamp": "2026-03-01T11:00:00Z"}, "2026-03-01T11:00:00.000Z"),
    # Never later than it was received.
    ({"timestamp": "2026-03-01T13:00:00Z"}, "2026-03-01T12:00:00.000Z"),
    ({"timestamp": "2026-03-01T13:00:00Z", "sentAt": "2026-03-01T12:59:00Z"}, "2026-03-01T12:00:00.000Z"),
    ({"timestamp": 1772359200000}, "2026-03-01T10:00:00.000Z"),
    ({"timestamp": "yesterday"}, "2026-03-01T12:00:00.000Z"),
    ({"timestamp": "0001-01-01T00:00:00Z", "sentAt": "9999-01-01T00:00:00Z"}, "2026-03-01T12:00:00.000Z"),
]


def test_the_time_is_corrected_for_a_wrong_clock(collector):
    for times, _ in TIMES:
        collector.post("/v1/track", {"userId": "ada", "event": "e", **times})
    found = [row["occurred_at"] for row in collector.rows("events")]
    assert list(zip(TIMES, found, strict=True)) == [(case, case[1]) for case in TIMES]
    assert counted(collector.context.metrics, "unreadable_event_times") == 2


def test_a_batch_has_one_time_of_sending(collector):
    message = {"type": "track", "event": "e", "userId": "ada", "timestamp": "2026-03-01T10:00:00Z"}
    collector.post("/v1/batch", {"sentAt": "2026-03-01T10:30:00Z", "batch": [message]})
    assert [row["occurred_at"] for row in collector.rows("events")] == ["2026-03-01T11:30:00.000Z"]


SALES = [
    ("Order Completed", '{"revenue": 19.90, "currency": "EUR"}', ("19.90", "EUR")),
    ("purchase", '{"value": "12", "currency": "USD"}', ("12", "USD")),
    ("purchase", '{"revenue": 0.5, "value": 7}', ("0.5", None)),
    ("purchase", '{"revenue": null, "value": 7}', ("7", None)),
    ("purchase", '{"revenue": "a lot"}', (None, None)),
    ("purchase", '{"revenue": {"amount": 1}}', (None, None)),
    ("Product Viewed", '{"value": 99, "currency": "EUR"}', (None, None)),
    ("Checkout Started", '{"revenue": 99}', (None, None)),
]


def test_revenue_or_value_make_a_sale_but_not_on_the_way_to_it(collector):
    for event, properties, _ in SALES:
        collector.post("/v1/track", f'{{"userId": "ada", "event": "{event}", "properties": {properties}}}')
    found = [
        (row["event"], row["properties"], row.get("value"), row.get("currency")) for row in collector.rows("events")
    ]
    assert found == [(event, json.loads(properties), *sale) for event, properties, sale in SALES]


def test_traits_are_columns_of_a_lead_and_only_they_are_said_to_change(collector):
    traits = {
        "email": "ada@acme.example",
        "firstName": "Ada",
        "last_name": "Lovelace",
        "company": {"name": "Acme", "employeeCount": 7},
        "address": {"country": "GB", "city": "London"},
        "createdAt": "2025-05-01T00:00:00Z",
        "Plan Name": "pro",
        "phone": None,
        "lead_id": "another",
        "updatedAt": "2030-01-01",
        "": "nothing",
    }
    context = {"locale": "en-GB", "timezone": "Europe/London", "ip": "192.0.2.1"}
    message = {"userId": "ada", "traits": traits, "context": context, "timestamp": "2026-03-01T11:00:00Z"}
    assert collector.post("/v1/identify", message).status_code == 200
    assert collector.rows("leads") == [
        {
            "lead_id": "ada",
            "created_at": "2025-05-01T00:00:00.000Z",
            "updated_at": "2026-03-01T11:00:00.000Z",
            "changed_fields": [
                "email", "first_name", "last_name", "company", "company_employee_count", "country", "address_city",
                "plan_name", "phone", "locale", "timezone",
            ],
            "email": "ada@acme.example",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "company": "Acme",
            "company_employee_count": 7,
            "country": "GB",
            "address_city": "London",
            "plan_name": "pro",
            "phone": None,
            "locale": "en-GB",
            "timezone": "Europe/London",
        }
    ]  # fmt: skip
    assert counted(collector.context.metrics, "traits_left_out") == 3


def test_a_repeated_identify_call_adds_no_version(collector):
    message = {"messageId": "m1", "userId": "ada", "traits": {"plan": "pro"}}
    for _ in range(2):
        collector.post("/v1/identify", message)
    assert len(collector.rows("leads")) == 1


def test_an_anonymous_id_is_linked_once_when_somebody_is_identified(collector):
    collector.post("/v1/page", {"messageId": "p", "anonymousId": "visitor"})
    for number in range(2):
        collector.post("/v1/identify", {"messageId": f"i{number}", "anonymousId": "visitor", "userId": "ada"})
    collector.post("/v1/track", {"messageId": "t", "anonymousId": "visitor", "userId": "ada", "event": "e"})
    collector.post("/v1/alias", {"messageId": "a", "previousId": "old", "userId": "ada"})
    rows = collector.rows("events")
    assert [(row["lead_id"], row["event"], row.get("properties")) for row in rows] == [
        ("visitor", "page_viewed", None),
        ("ada", "identified", {"anonymous_id": "visitor"}),
        ("ada", "e", None),
        ("ada", "identified", {"anonymous_id": "old"}),
    ]
    assert len({row["event_id"] for row in rows}) == 4


def test_the_same_link_has_the_same_key_after_a_restart(tmp_path):
    keys = []
    for run in ("first", "second"):
        root = tmp_path / run
        root.mkdir()
        with serving(root) as served:
            served.post("/v1/identify", {"messageId": run, "anonymousId": "visitor", "userId": "ada"})
            keys += [row["event_id"] for row in served.rows("events")]
    assert len(keys) == 2 and len(set(keys)) == 1


def test_traits_of_somebody_anonymous_make_a_lead_only_with_an_address(collector):
    collector.post("/v1/identify", {"anonymousId": "visitor", "traits": {"color": "red"}})
    collector.post("/v1/identify", {"anonymousId": "reader", "traits": {"email": "r@acme.example"}})
    assert [row["lead_id"] for row in collector.rows("leads")] == ["reader"]
    [row] = collector.rows("events")
    assert (row["lead_id"], row["event"], row["properties"]) == ("visitor", "identify", {"color": "red"})


def test_a_group_call_is_an_event_with_all_that_it_said(collector):
    collector.post("/v1/group", {"userId": "ada", "groupId": "g7", "traits": {"name": "Acme", "seats": 12}})
    [row] = collector.rows("events")
    assert (row["event"], row["properties"]) == ("group", {"group_id": "g7", "name": "Acme", "seats": 12})


def test_one_bad_message_does_not_spoil_its_batch_and_is_kept_as_it_came(collector):
    bad = [{"type": "track", "userId": "ada"}, {"type": "track", "event": "e"}, 5, {"type": "x", "userId": "ada"}]
    good = {"type": "track", "event": "e", "userId": "ada"}
    assert collector.post("/v1/batch", {"batch": [*bad, good]}).status_code == 200
    assert len(collector.rows("events")) == 1
    kept = {
        row["headers"]["problem"]: json.loads(base64.b64decode(row["body"])) for row in collector.rows("raw/events")
    }
    assert kept["event missing"] == [bad[0]]
    assert kept["userId or anonymousId missing"] == [bad[1]]
    assert kept["unknown type 'x'"] == [bad[3]]
    assert sum(map(len, kept.values())) == 4
    assert counted(collector.context.metrics, "refused_messages") == 4


REFUSED = [
    ("/v1/track", "{", 400, "invalid_request"),
    ("/v1/track", b'{"userId": "\xff", "event": "e"}', 400, "invalid_request"),
    ("/v1/track", "[" * 100_000, 400, "invalid_request"),
    ("/v1/track", "[]", 400, "invalid_request"),
    ("/v1/track", {"userId": "ada"}, 400, "invalid_message"),
    ("/v1/track", {"event": "e"}, 400, "invalid_message"),
    ("/v1/track", {"event": "e", "userId": " "}, 400, "invalid_message"),
    ("/v1/track", {"event": "e", "userId": True}, 400, "invalid_message"),
    ("/v1/alias", {"userId": "ada"}, 400, "invalid_message"),
    ("/v1/batch", {"event": "e"}, 400, "invalid_request"),
    ("/v1/nothing", {}, 404, "not_found"),
]


def test_bad_requests_are_refused_in_the_form_that_libraries_read(collector):
    for path, body, status, code in REFUSED:
        answer = collector.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, body)
        assert answer.json()["message"]
    assert collector.rows("events") == []


KEYS = [
    (KEY, {}, 200),
    (None, {"writeKey": KEY}, 200),
    ("another", {"writeKey": KEY}, 200),
    (None, {}, 401),
    ("another", {}, 401),
    ("", {}, 401),
    (None, {"writeKey": ""}, 401),
    (None, {"writeKey": KEY[:-1]}, 401),
    (None, {"writeKey": "ключ"}, 401),
]


def test_only_who_has_a_write_key_may_post(collector):
    for key, body, status in KEYS:
        answer = collector.post("/v1/track", {"userId": "ada", "event": "e", **body}, key=key)
        assert answer.status_code == status, (key, body)
    assert len(collector.rows("events")) == 3


def test_any_of_the_keys_is_good_and_without_keys_none_is(tmp_path):
    message = {"userId": "ada", "event": "e"}
    with serving(tmp_path, keys="the-first-write-key, the-second-write-key") as served:
        assert served.post("/v1/track", message, key="the-second-write-key").status_code == 200
    with serving(tmp_path, keys="") as served:
        answer = served.post("/v1/track", message)
        assert (answer.status_code, answer.json()["code"]) == (401, "no_write_keys")


def test_gzip_is_read_and_a_bomb_is_not(collector):
    zipped = {"Content-Encoding": "gzip"}
    message = json.dumps({"userId": "ada", "event": "e"}).encode()
    assert collector.post("/v1/track", gzip.compress(message), headers=zipped).status_code == 200
    assert collector.post("/v1/track", gzip.compress(b" " * (MOST_BYTES + 1)), headers=zipped).status_code == 413
    assert collector.post("/v1/track", gzip.compress(message)[:-9], headers=zipped).status_code == 400
    assert collector.post("/v1/track", message, headers=zipped).status_code == 400
    assert collector.post("/v1/track", message, headers={"Content-Encoding": "br"}).status_code == 415
    assert len(collector.rows("events")) == 1


def test_pages_of_other_sites_may_post_and_load_the_script(collector):
    asked = requests.options(
        collector.url + "/v1/track",
        headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"},
        timeout=10,
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "content-type" in asked.headers["access-control-allow-headers"]
    assert collector.post("/v1/track", {}).headers["access-control-allow-origin"] == "*"
    script = requests.get(collector.url + "/drips.js", timeout=10)
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert len(script.content) < 5.5 * 1024
    again = requests.get(collector.url + "/drips.js", headers={"If-None-Match": script.headers["etag"]}, timeout=10)
    assert (again.status_code, again.content) == (304, b"")


def test_the_loader_takes_every_row(collector):
    messages = [
        {"type": "identify", "userId": 5, "anonymousId": "a", "traits": {"tags": ["x", "y"], "deep": {"er": [1]}}},
        {"type": "track", "userId": "ada", "event": "Order Completed", "properties": {"revenue": 1.5, "nothing": None}},
        {"type": "track", "userId": "ada", "event": "bare", "properties": [1, 2]},
        {"type": "page", "anonymousId": "a"},
        {"type": "alias", "previousId": "b", "userId": "ada"},
        {"type": "group", "userId": "ada", "groupId": 1},
    ]
    assert collector.post("/v1/batch", {"batch": messages}).status_code == 200
    assert len(collector.rows("events")) == 6
    project = collector.context.project
    with open_warehouse(project.warehouse) as warehouse:
        reports = load_landing(project, warehouse, loaded_at=NOW)
        rejected = warehouse.rows("select reason from raw.rejected_rows")
        sales = warehouse.rows("select event_id from raw.events where value = 1.5")
    assert rejected == []
    assert {kind: report.rows for kind, report in reports.items() if report.rows} == {"leads": 1, "events": 6}
    assert len(sales) == 1
