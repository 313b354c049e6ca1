"""A page's key is public: whoever has it changes nobody's mail, reads nobody's, and stops nobody's."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_drips.collector.events.identities import Recent
from dagster_drips.collector.events.segment_messages import BadMessage
from dagster_drips.sequences.catalog import read_catalog
from tests.attacks.town import PAGE, SERVER, START, Town, proof, rows_of

pytestmark = pytest.mark.slow

EVIL = "evil@attacker.example"
OWN = "ada@acme.example"


def recipients(sent: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((row["sequence_id"], row["recipient"]) for row in sent)


def identify(town: Town, key: str, user: str, email: str, **more: Any) -> None:
    town.call(key, type="identify", userId=user, traits={"email": email}, **more)


@pytest.mark.parametrize("order", ["after", "before"])
@pytest.mark.parametrize("mode", ["wait", "confirm", "mail"])
def test_the_address_of_a_known_lead_stays(town: Town, order: str, mode: str) -> None:
    town.begin(page_leads=mode)
    if order == "before":
        identify(town, PAGE, "42", EVIL)
        assert town.tick() == [], "an id that isn't landed yet can't be claimed"
    identify(town, SERVER, "42", OWN)
    if order == "after":
        identify(town, PAGE, "42", EVIL)
    town.call(SERVER, type="track", userId="42", event="cart", properties={"secret": "of 42"})
    assert recipients(town.tick()) == [("cart", OWN), ("greets", OWN)]


def test_nothing_else_of_a_known_lead_changes_either(town: Town) -> None:
    town.begin()
    town.call(SERVER, type="identify", userId="42", traits={"email": OWN, "firstName": "Ada", "tracking": "no"})
    words = {"firstName": "Call 1-800-SCAM", "tracking": "yes", "phone": "1", "createdAt": "2020-01-01", "plan": "free"}
    town.call(PAGE, type="identify", userId="42", traits=words, context={"timezone": "Pacific/Apia", "locale": "xx"})
    town.tick()
    lead, *others = town.rows("select * from staging.stg_leads")
    assert not others
    kept = (lead["first_name"], lead["tracking"], lead["phone"], lead["timezone"], lead["locale"], lead["plan"])
    assert kept == ("Ada", "no", None, None, None, None)
    assert lead["created_at"] >= START


def test_with_proof_a_page_speaks_for_its_own_user_and_for_nobody_else(town: Town) -> None:
    town.begin()
    identify(town, SERVER, "42", OWN)
    identify(town, SERVER, "mallory", EVIL)
    identify(town, PAGE, "42", "new@acme.example", context={"userHash": proof("42")})
    assert recipients(town.tick()) == [("greets", EVIL), ("greets", "new@acme.example")]
    for user_hash in (proof("mallory"), proof("42", key="a guess"), "0" * 64, "x", "ä"):
        with pytest.raises(BadMessage, match="userHash does not fit"):
            rows_of(PAGE, {"type": "identify", "userId": "42", "context": {"userHash": user_hash}}, START)


@pytest.mark.parametrize("joining", ["alias", "identify", "track", "a track that says it is one"])
@pytest.mark.parametrize("proven", [False, True])
def test_nobody_elses_events_come_to_who_calls_them_his_own(town: Town, joining: str, proven: bool) -> None:
    """42 has events and is no lead yet: then an id could be anybody's."""
    town.begin()
    identify(town, SERVER, "mallory", EVIL)
    town.tick()
    town.call(SERVER, type="track", userId="42", event="cart", properties={"secret": "of 42"})
    context = {"userHash": proof("mallory")} if proven else {}
    calls: dict[str, dict[str, Any]] = {
        "alias": {"type": "alias", "previousId": "42"},
        "identify": {"type": "identify", "anonymousId": "42", "traits": {"email": EVIL}},
        "track": {"type": "track", "anonymousId": "42", "event": "x"},
        "a track that says it is one": {"type": "track", "event": "identified", "properties": {"anonymous_id": "42"}},
    }
    town.call(PAGE, userId="mallory", context=context, **calls[joining])
    assert town.tick() == []


def test_a_visitor_is_not_a_user_whatever_it_calls_itself(town: Town) -> None:
    town.begin(page_leads="mail")
    town.call(PAGE, type="identify", anonymousId="42", traits={"email": EVIL})
    town.call(SERVER, type="track", userId="42", event="cart", properties={"secret": "of 42"})
    assert recipients(town.tick()) == [("greets", EVIL)]
    assert [row["lead_id"] for row in town.rows("select lead_id from staging.stg_leads")] == ["anonymous:42"]


def test_a_user_without_proof_is_not_a_visitor_whatever_it_calls_itself() -> None:
    with pytest.raises(BadMessage, match="needs a userHash"):
        rows_of(PAGE, {"type": "identify", "userId": "anonymous:1", "traits": {"email": EVIL}}, START)


@pytest.mark.parametrize("mode", ["wait", "confirm", "mail"])
def test_an_attackers_words_reach_no_stranger_but_where_the_project_mails_visitors(town: Town, mode: str) -> None:
    town.begin(page_leads=mode)
    identify(town, PAGE, "stranger@x.example", "stranger@x.example")
    town.call(PAGE, type="identify", anonymousId="a", traits={"email": "other@x.example", "firstName": "Buy now"})
    expected = {"wait": [], "confirm": [("asks", "other@x.example")], "mail": [("greets", "other@x.example")]}
    assert recipients(town.tick()) == expected[mode]


def test_a_page_takes_no_servers_event_away(town: Town) -> None:
    """The key of an event is the place that its first row takes."""
    town.begin(page_events="verified")
    landed = Recent()
    town.call(PAGE, landed, type="track", userId="mallory", event="nothing", messageId="order-1")
    town.call(PAGE, landed, type="identify", userId="mallory", messageId="who-1", traits={"email": EVIL})
    town.call(PAGE, landed, type="track", userId="42", anonymousId="v", event="nothing")
    town.call(SERVER, landed, type="identify", userId="42", messageId="who-1", traits={"email": OWN})
    town.call(SERVER, landed, type="track", userId="42", anonymousId="v", event="cart", messageId="order-1")
    assert recipients(town.tick()) == [("cart", OWN), ("greets", OWN)]
    assert town.rows("select * from staging.stg_identities where anonymous_id = 'anonymous:v'")[0]["lead_id"] == "42"


@pytest.mark.parametrize(
    ("setting", "counts"), [("all", [("cart", OWN), ("greets", OWN)]), ("verified", [("greets", OWN)])]
)
def test_a_project_may_want_proof_for_events(town: Town, setting: str, counts: list[tuple[str, str]]) -> None:
    town.begin(page_events=setting)
    identify(town, SERVER, "42", OWN)
    town.call(PAGE, type="track", userId="42", event="cart", properties={"words": "of an attacker"})
    town.call(PAGE, type="track", anonymousId="a", event="cart", properties={"words": "of an attacker"})
    town.call(PAGE, type="alias", previousId="a", userId="42")
    assert recipients(town.tick()) == counts


@pytest.mark.parametrize("name", ["unsubscribed", "complained", "bounced", "confirmed", "manual"])
def test_no_call_is_a_wish_or_an_answer(name: str) -> None:
    for key in (PAGE, SERVER):
        for message in (
            {"type": "track", "event": name, "properties": {"message_id": "0" * 32, "email": OWN, "type": name}},
            {"type": "identify", "traits": {"email": OWN, "reason": name, "type": name, "message_id": "0" * 32}},
        ):
            assert set(rows_of(key, {"userId": "42", **message}, START)) <= {"events", "leads"}


@pytest.mark.parametrize(
    "trait", ["_drips_source", "_DRIPS_SOURCE", "drips_source", "-drips-source", "_load", "changed_fields"]
)
def test_nobody_marks_a_row_but_us(trait: str) -> None:
    message = {"type": "identify", "userId": "42", "traits": {trait: "verified", "email": EVIL}}
    [row] = rows_of(PAGE, message, START)["leads"]
    assert row["_drips_source"] == "page"
    assert "_drips_source" not in row["changed_fields"]
    event = {"type": "track", "userId": "42", "event": "e", "properties": {trait: "x"}, trait: "verified"}
    [row] = rows_of(PAGE, event, START)["events"]
    assert row["_drips_source"] == "page"


class TestConfirmation:
    """Double opt-in: the owner of an address says yes, and nobody else can."""

    def asked(self, town: Town) -> dict[str, Any]:
        town.begin(page_leads="confirm")
        town.call(PAGE, type="identify", anonymousId="a", traits={"email": OWN, "firstName": "Ada"})
        [row] = town.tick()
        assert (row["sequence_id"], row["recipient"], row["lead_id"]) == ("asks", OWN, "anonymous:a")
        assert town.tick() == [], "nothing else goes out, and the question once"
        return row

    def confirm(self, town: Town, message_id: str) -> None:
        when = town.now.isoformat() + "Z"
        town.land({"engagement": [{"message_id": message_id, "type": "confirmed", "occurred_at": when}]})

    def test_whoever_confirmed_is_a_lead_like_any_other(self, town: Town) -> None:
        row = self.asked(town)
        self.confirm(town, row["message_id"])
        assert recipients(town.tick()) == [("greets", OWN)]
        town.call(PAGE, type="track", anonymousId="a", event="cart")
        assert recipients(town.tick()) == [("cart", OWN)]
        assert town.rows("select first_name from staging.stg_leads") == [{"first_name": "Ada"}]

    def test_another_address_than_the_confirmed_one_waits(self, town: Town) -> None:
        row = self.asked(town)
        town.call(PAGE, type="identify", anonymousId="a", traits={"email": EVIL})
        self.confirm(town, row["message_id"])
        assert town.tick() == []

    def test_a_hundred_forms_with_one_address_ask_it_once_a_day(self, town: Town) -> None:
        town.begin(page_leads="confirm")
        for number in range(10):
            town.call(PAGE, type="identify", anonymousId=f"a{number}", traits={"email": OWN})
        assert recipients(town.tick()) == [("asks", OWN)]
        for number in range(10):
            town.call(PAGE, type="identify", anonymousId=f"b{number}", traits={"email": OWN.upper()})
        assert [town.tick(), town.tick(hours=25)] == [[], []], "what came too soon is never asked"
        town.call(PAGE, type="identify", anonymousId="c", traits={"email": OWN})
        assert recipients(town.tick()) == [("asks", OWN)]

    def test_who_becomes_known_is_not_asked(self, town: Town) -> None:
        town.begin(page_leads="confirm")
        town.call(PAGE, type="identify", anonymousId="a", traits={"email": OWN})
        town.land({"leads": [{"lead_id": "anonymous:a", "email": "crm@x.example", "created_at": "2026-03-01"}]})
        assert recipients(town.tick()) == [("greets", "crm@x.example")]


def test_the_sequences_here_are_valid(town: Town) -> None:
    town.begin(page_leads="confirm")
    assert read_catalog(town.project, segments=[]).problems == []
