"""Hooks: JSON of others as events by the rules of hooks.yml, and who may post it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dagster_drips.collector.events.hooks_config import hook_problems, load_hooks, read_hooks
from tests.collector.collecting import counted
from tests.collector.event_server import Collector, serving

SECRET = "a shared secret of ours"
CART = """
hooks:
  cart:
    open: true
    events:
      - event: order_paid
        when: {"@X-Topic": [orders/paid, orders/updated], financial_status: paid}
        lead_id: customer.id
        event_id: id
        occurred_at: paid_at
        value: total
        currency: currency
        properties: {order: id, first_sku: lines.0.sku, shop: "@X-Shop", missing: nothing.here}
      - event: item_bought
        when: {"@X-Topic": orders/paid}
        each: lines
        event_id: $.id
        lead_id: $.customer.id
"""
ORDER = """{"id": 1001, "financial_status": "paid", "paid_at": "2026-03-01T12:30:00+01:00", "total": "19.90",
 "currency": "EUR", "customer": {"id": 7}, "lines": [{"sku": "a", "price": 9.90}, {"sku": "b", "price": 1e1}]}"""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Collector]]:
    with ExitStack() as stack:

        def start(hooks: str, env: str = "") -> Collector:
            (tmp_path / "sequences").mkdir(exist_ok=True)
            (tmp_path / "sequences" / "hooks.yml").write_text(hooks, encoding="utf-8")
            (tmp_path / ".env").write_text(env, encoding="utf-8")
            return stack.enter_context(serving(tmp_path))

        yield start


def test_a_body_becomes_the_events_of_all_rules_that_fit(serve):
    collector = serve(CART)
    headers = {"X-Topic": "orders/paid", "X-Shop": "acme"}
    answer = collector.post("/hooks/cart", ORDER, key=None, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "events": 3})
    paid, *bought = collector.raw_rows("events")
    assert {name: bytes(value) for name, value in paid.items()} == {
        "event_id": b'"cart:order_paid:1001"',
        "lead_id": b'"7"',
        "event": b'"order_paid"',
        "_drips_source": b'"page"',  # the hook is open: what it brings in is anybody's word
        "occurred_at": b'"2026-03-01T11:30:00.000Z"',
        "received_at": b'"2026-03-01T12:00:00.000Z"',
        "properties": b'{"order":1001,"first_sku":"a","shop":"acme"}',
        "value": b'"19.90"',
        "currency": b'"EUR"',
    }
    assert [(bytes(row["event_id"]), bytes(row["properties"])) for row in bought] == [
        (b'"cart:item_bought:1001:0"', b'{"sku": "a", "price": 9.90}'),
        (b'"cart:item_bought:1001:1"', b'{"sku": "b", "price": 1e1}'),
    ]


def test_a_body_that_no_rule_wants_is_answered_and_counted(serve):
    collector = serve(CART)
    answer = collector.post("/hooks/cart", ORDER, key=None, headers={"X-Topic": "orders/created"})
    assert (answer.status_code, answer.json()["events"]) == (200, 0)
    assert collector.rows("events") == []
    assert counted(collector.context.metrics, "hooks_without_events", hook="cart") == 1


def test_what_a_rule_misses_is_told_and_the_body_is_kept(serve):
    collector = serve(CART)
    order = json.loads(ORDER) | {"customer": None, "lines": []}
    for change in ({}, {"customer": {"id": 7}, "paid_at": "soon", "total": "free"}):
        body = json.dumps(order | change)
        assert collector.post("/hooks/cart", body, key=None, headers={"X-Topic": "orders/paid"}).status_code == 200
    [row] = collector.rows("events")
    assert (row["occurred_at"], row.get("value")) == ("2026-03-01T12:00:00.000Z", None)
    kept = collector.rows("raw/hooks-cart")
    assert [entry["headers"]["problem"] for entry in kept] == [
        "events[1].lead_id: nothing is there",
        "occurred_at: not a time by the format iso; value: not a number",
    ]
    assert json.loads(base64.b64decode(kept[0]["body"])) == order


def test_without_an_id_the_same_body_has_the_same_keys(serve):
    collector = serve("hooks: {crm: {open: true, events: [{event: {path: kind}, lead_id: who, each: list}]}}")
    body = {"list": [{"kind": "a", "who": "x"}, {"kind": "b", "who": "y"}]}
    for _ in range(2):
        collector.post("/hooks/crm", body, key=None)
    collector.post("/hooks/crm", {**body, "other": 1}, key=None)
    rows = collector.rows("events")
    assert [(row["event"], row["lead_id"]) for row in rows] == [("a", "x"), ("b", "y")] * 3
    keys = [row["event_id"] for row in rows]
    assert keys[:2] == keys[2:4]
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    ("written", "text", "occurred_at"),
    [
        ("{path: at, format: unix}", "1772359200", "2026-03-01T10:00:00.000Z"),
        ("{path: at, format: unix_ms}", "1772359200500", "2026-03-01T10:00:00.500Z"),
        ('{path: at, format: "%d.%m.%Y %H:%M"}', '"28.02.2026 09:30"', "2026-02-28T09:30:00.000Z"),
        ('{path: at, format: "%d.%m.%Y %H:%M %z"}', '"28.02.2026 09:30 +0200"', "2026-02-28T07:30:00.000Z"),
        ("at", '"2030-01-01"', "2026-03-01T12:00:00.000Z"),
        ("at", "null", "2026-03-01T12:00:00.000Z"),
    ],
)
def test_times_are_read_as_the_file_says(serve, written, text, occurred_at):
    rule = f"{{event: e, lead_id: who, occurred_at: {written}}}"
    collector = serve(f"hooks: {{pay: {{open: true, events: [{rule}]}}}}")
    collector.post("/hooks/pay", f'{{"who": "ada", "at": {text}}}', key=None)
    assert [row["occurred_at"] for row in collector.rows("events")] == [occurred_at]


def _signed(body: bytes, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


BODY = b'{"who": "ada"}'
STAMPED = _signed(b"1772366400." + BODY).hex()
PROOFS = [
    ("signature: {header: X-Sign}", {"X-Sign": _signed(BODY).hex()}, 200),
    ("signature: {header: X-Sign}", {"x-sign": _signed(BODY).hex().upper()}, 200),
    ("signature: {header: X-Sign, prefix: sha256=}", {"X-Sign": "sha256=" + _signed(BODY).hex()}, 200),
    ("signature: {header: X-Sign, encoding: base64}", {"X-Sign": base64.b64encode(_signed(BODY)).decode()}, 200),
    ("signature: {header: X-Sign}", {"X-Sign": _signed(BODY + b" ").hex()}, 401),
    ("signature: {header: X-Sign}", {"X-Sign": _signed(BODY, "").hex()}, 401),
    ("signature: {header: X-Sign}", {"X-Sign": ""}, 401),
    ("signature: {header: X-Sign}", {}, 401),
    ("signature: {header: X-Sign, parts: {timestamp: t, signature: v1}}",
     {"X-Sign": f"t=1772366400,v1={'0' * 64},v1={STAMPED},v0=x"}, 200),
    ("signature: {header: X-Sign, parts: {timestamp: t, signature: v1}}", {"X-Sign": f"t=1,v1={STAMPED}"}, 401),
    ("signature: {header: X-Sign, parts: {timestamp: t, signature: v1}}", {"X-Sign": STAMPED}, 401),
    ("secret: {header: X-Token}", {"X-Token": SECRET}, 200),
    ("secret: {header: Authorization, prefix: 'Bearer '}", {"Authorization": f"Bearer {SECRET}"}, 200),
    ("secret: {header: X-Token}", {"X-Token": SECRET + "x"}, 401),
    ("secret: {header: X-Token}", {}, 401),
]  # fmt: skip


def test_only_who_knows_the_secret_may_post(serve):
    rule = "events: [{event: e, lead_id: who}]"
    hooks = "".join(f"  hook-{number}:\n    {proof}\n    {rule}\n" for number, (proof, _, _) in enumerate(PROOFS))
    env = "".join(f"DRIPS_HOOK_SECRET_HOOK_{number}={SECRET!r}\n" for number in range(len(PROOFS)))
    collector = serve("hooks:\n" + hooks, env)
    for number, (proof, headers, status) in enumerate(PROOFS):
        answer = collector.post(f"/hooks/hook-{number}", BODY, key=None, headers=headers)
        assert answer.status_code == status, (proof, headers)
    assert len(collector.rows("events")) == sum(status == 200 for *_, status in PROOFS)


def test_a_shared_secret_is_not_kept_beside_a_body(serve):
    collector = serve(
        "hooks: {crm: {secret: {header: X-Token}, events: [{event: e, lead_id: who}]}}",
        f"DRIPS_HOOK_SECRET_CRM={SECRET!r}",
    )
    assert collector.post("/hooks/crm", "{}", key=None, headers={"X-Token": SECRET}).status_code == 200
    [line] = collector.lines("raw/hooks-crm")
    assert SECRET not in line


def test_a_hook_without_its_secret_asks_to_come_again(serve):
    collector = serve("hooks: {crm: {secret: {header: X-Token}, events: [{event: e, lead_id: who}]}}")
    answer = collector.post("/hooks/crm", BODY, key=None, headers={"X-Token": ""})
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_unknown_hooks_and_bodies_without_json_are_refused(serve):
    collector = serve("hooks: {crm: {open: true, events: [{event: e, lead_id: who}]}}")
    assert collector.post("/hooks/nobody", BODY, key=None).status_code == 404
    for body in ("", "{", b'"\xff"', "[" * 100_000):
        assert collector.post("/hooks/crm", body, key=None).status_code == 400
    assert collector.post("/hooks/crm", "[]", key=None).status_code == 200
    assert collector.rows("events") == []


def test_a_changed_file_counts_at_once_and_a_broken_one_leaves_the_hooks_as_they_were(serve, tmp_path):
    collector = serve("hooks: {}")
    file = tmp_path / "sequences" / "hooks.yml"
    assert collector.post("/hooks/crm", BODY, key=None).status_code == 404
    file.write_text("hooks: {crm: {open: true, events: [{event: first, lead_id: who}]}}", encoding="utf-8")
    assert collector.post("/hooks/crm", BODY, key=None).status_code == 200
    file.write_text("hooks: {crm: {}}", encoding="utf-8")
    assert collector.post("/hooks/crm", BODY, key=None).status_code == 200
    assert collector.post("/hooks/new", BODY, key=None).status_code == 503
    assert counted(collector.context.metrics, "broken_hooks_files") == 1
    assert len(collector.rows("events")) == 2


MISTAKES = [
    ("hooks:\n  cart:\n    open: true", "sequences/hooks.yml:2: missing key 'events' in hooks.cart"),
    ("hooks:\n  cart:\n    open: true\n    events: []", "sequences/hooks.yml:4: hooks.cart.events must not be empty"),
    (
        "hooks:\n  cart:\n    events:\n      - {event: e, lead_id: a}",
        "sequences/hooks.yml:2: hooks.cart: needs one of signature, secret, and open: true (anybody may post)",
    ),
    (
        "hooks:\n  cart:\n    open: true\n    events:\n      - event: e\n        lead_id: a..b",
        "sequences/hooks.yml:6: hooks.cart.events[1].lead_id: 'a..b' is no path: a key is empty",
    ),
    (
        "hooks:\n  cart:\n    open: true\n    events:\n      - event: e\n        lead_id: a\n        occured_at: b",
        "sequences/hooks.yml:7: unknown key 'occured_at' in hooks.cart.events[1]; did you mean 'occurred_at'?",
    ),
    (
        "hooks:\n  cart:\n    signature: {header: X-A, encoding: hax}\n    events: [{event: e, lead_id: a}]",
        "sequences/hooks.yml:3: hooks.cart.signature.encoding: unknown value 'hax'; did you mean 'hex'?",
    ),
    (
        "hooks:\n  cart:\n    open: true\n    events:\n      - event: lead_created\n        lead_id: a",
        "sequences/hooks.yml:5: hooks.cart.events[1].event: no event may be named lead_created: "
        "it is the built-in trigger",
    ),
    ("hooks:\n  Cart: {}", "sequences/hooks.yml:2: hooks.Cart: 'Cart' may only have the characters a-z, 0-9, _ and -"),
    ("hooks: [", "sequences/hooks.yml:1: not YAML: "),
]


@pytest.mark.parametrize(("content", "message"), MISTAKES)
def test_mistakes_are_told_in_one_line_with_file_and_line(content, message):
    hooks, problems = read_hooks(content.encode())
    assert hooks == {}
    assert str(problems[0]).startswith(message)


def test_a_file_that_is_a_folder_is_told_and_leaves_the_rest_of_the_collector_alone(tmp_path):
    (tmp_path / "sequences" / "hooks.yml").mkdir(parents=True)
    with serving(tmp_path) as collector:
        [problem] = hook_problems(collector.context.project)
        assert str(problem).startswith("sequences/hooks.yml: can't be read: ")
        assert collector.post("/hooks/cart", BODY, key=None).status_code == 503
        assert collector.post("/v1/track", {"userId": "ada", "event": "e"}).status_code == 200


def test_a_project_without_the_file_has_no_hooks(tmp_path):
    with serving(tmp_path) as collector:
        assert load_hooks(collector.context.project) == {}
        assert hook_problems(collector.context.project) == []
        assert collector.post("/hooks/cart", BODY, key=None).status_code == 404


def test_the_examples_of_the_documentation_work(serve):
    text = Path(__file__).parents[2].joinpath("docs", "events.md").read_text(encoding="utf-8")
    names = ("SHOP", "CRM", "PAYMENTS")
    collector = serve(
        text.partition("## Hooks\n")[2].partition("```yaml\n")[2].partition("```")[0],
        "".join(f"DRIPS_HOOK_SECRET_{name}={SECRET!r}\n" for name in names),
    )
    order = {"id": 1, "processed_at": "2026-02-28T10:00:00Z", "total_price": "9.90", "currency": "EUR"}
    order |= {"customer": {"id": 7}, "line_items": [{"id": 11, "sku": "a"}], "discount_codes": [{"code": "TEN"}]}
    change = {"change": {"type": "stage_changed", "time": 1772359200000, "new_value": "won"}}
    invoice = {"id": "in_1", "attempt_count": 2, "metadata": {"user_id": "ada"}}
    bodies = {
        "shop": order,
        "crm": {"changes": [change | {"contact": {"external_id": "ada"}}, {"change": {"type": "noted"}}]},
        "payments": {
            "id": "evt_1",
            "type": "invoice.payment_failed",
            "created": 1772359200,
            "data": {"object": invoice},
        },
    }
    for name, body in bodies.items():
        content = json.dumps(body).encode()
        headers = {
            "X-Shop-Topic": "orders/paid",
            "X-Shop-Hmac-Sha256": base64.b64encode(_signed(content)).decode(),
            "Authorization": f"Bearer {SECRET}",
            "Pay-Signature": f"t=1772366400,v1={_signed(b'1772366400.' + content).hex()}",
        }
        assert collector.post(f"/hooks/{name}", content, key=None, headers=headers).status_code == 200
    rows = collector.rows("events")
    assert [(row["event"], row["lead_id"], row["occurred_at"], row["properties"]) for row in rows] == [
        ("order_paid", "7", "2026-02-28T10:00:00.000Z", {"order": 1, "discount": "TEN"}),
        ("item_bought", "7", "2026-02-28T10:00:00.000Z", {"id": 11, "sku": "a"}),
        ("stage_changed", "ada", "2026-03-01T10:00:00.000Z", {"stage": "won"}),
        ("payment_failed", "ada", "2026-03-01T10:00:00.000Z", {"invoice": "in_1", "attempt": 2}),
    ]
    assert rows[0]["value"] == "9.90"
    assert rows[3]["event_id"] == "payments:payment_failed:evt_1"
