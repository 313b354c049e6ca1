"""Calls with every kind of key, landed in any order over several ticks: mail goes where trusted sources say, always.

What is expected is reckoned from the calls alone: of whom each could speak, and which of them have landed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from dagster_drips.collector.events.segment_messages import BadMessage
from tests.attacks.town import PAGE, SERVER, Row, Town, proof, rows_of

pytestmark = pytest.mark.slow

USERS = ["1", "2", "3"]
VISITORS = ["v", "w", *USERS]
"""Who posts with a page's key may call a visitor by a user's id."""
EMAILS = [f"{name}@x.example" for name in "abc"]
ANYBODY = st.sampled_from(USERS)
ADDRESSES = st.sampled_from(EMAILS)

SLOW = settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "5")),
    stateful_step_count=20,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=[
        phase for phase in Phase if phase is not Phase.explain and not (phase is Phase.shrink and "CI" in os.environ)
    ],
)


@dataclass
class Said:
    """One call that the collector took: what it lands, and what of it counts."""

    at: datetime
    rows: dict[str, list[Row]]
    lead_id: str
    trusted: bool
    email: str | None = None
    cart: bool = False


@dataclass
class Reckoning:
    """What has landed, and what must come of it."""

    mode: str
    landed: list[Said] = field(default_factory=list)
    confirmed: set[tuple[str, str]] = field(default_factory=set)

    def email(self, lead_id: str) -> str | None:
        """The newest that counts for the lead."""
        told = [one for one in self.landed if one.lead_id == lead_id and one.email is not None]
        believed = [one for one in told if one.trusted] or told
        return max(believed, key=lambda one: one.at).email if believed else None

    def is_mailed(self, lead_id: str) -> bool:
        """Whether mail may go to the lead."""
        email = self.email(lead_id)
        if any(one.trusted and one.email for one in self.landed if one.lead_id == lead_id):
            return True
        if not lead_id.startswith("anonymous:") or email is None:
            return False
        return self.mode == "mail" or (lead_id, email) in self.confirmed

    def leads(self) -> set[str]:
        """Whom somebody made a lead."""
        return {one.lead_id for one in self.landed if one.email is not None}

    def shoppers(self) -> set[str]:
        """Whose cart counts."""
        return {one.lead_id for one in self.landed if one.cart}


class Keys(RuleBasedStateMachine):
    """Servers, pages with proof, and pages without it, which is what an attacker has."""

    town: ClassVar[Town]
    mode: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Said] = []
        self.reckoning = Reckoning(self.mode)
        self.greeted: set[str] = set()
        self.reminded: set[str] = set()
        self.asked: list[Row] = []

    @initialize()
    def begin(self) -> None:
        self.town.begin(page_leads=self.mode, page_events="verified")

    def say(self, key: str, lead_id: str, trusted: bool, *, counts: bool = True, **message: Any) -> None:
        """Post it; what comes of it lands when a tick lets it."""
        self.town.now += timedelta(seconds=1)
        try:
            rows = rows_of(key, message, self.town.now)
        except BadMessage:
            assert not trusted
            return
        email = message.get("traits", {}).get("email")
        cart = counts and message.get("event") == "cart"
        self.waiting.append(Said(self.town.now, rows, lead_id, trusted, email, cart))

    @rule(user=ANYBODY, email=ADDRESSES)
    def server_identifies(self, user: str, email: str) -> None:
        self.say(SERVER, user, True, type="identify", userId=user, traits={"email": email})

    @rule(user=ANYBODY)
    def server_tells_of_a_cart(self, user: str) -> None:
        self.say(SERVER, user, True, type="track", userId=user, event="cart")

    @rule(user=ANYBODY, email=ADDRESSES)
    def page_identifies_with_proof(self, user: str, email: str) -> None:
        traits, context = {"email": email}, {"userHash": proof(user)}
        self.say(PAGE, user, True, type="identify", userId=user, traits=traits, context=context)

    @rule(user=st.sampled_from([*USERS, "anonymous:v", "anonymous:1"]), email=ADDRESSES, other=ANYBODY)
    def attacker_identifies(self, user: str, email: str, other: str) -> None:
        traits = {"email": email, "createdAt": "2020-01-01", "_drips_source": None}
        self.say(PAGE, user, False, type="identify", userId=user, anonymousId=other, traits=traits)

    @rule(user=ANYBODY)
    def attacker_tells_of_a_cart(self, user: str) -> None:
        self.say(PAGE, user, False, counts=False, type="track", userId=user, event="cart")

    @rule(user=ANYBODY, other=ANYBODY, proven=st.booleans(), by=st.sampled_from(["alias", "track", "event"]))
    def attacker_joins_another_to_a_user(self, user: str, other: str, proven: bool, by: str) -> None:
        context = {"userHash": proof(user)} if proven else {}
        more: dict[str, dict[str, Any]] = {
            "alias": {"type": "alias", "previousId": other},
            "track": {"type": "track", "event": "x", "anonymousId": other},
            "event": {"type": "track", "event": "identified", "properties": {"anonymous_id": other}},
        }
        self.say(PAGE, user, proven, userId=user, context=context, **more[by])

    @rule(visitor=st.sampled_from(VISITORS), email=ADDRESSES)
    def visitor_gives_an_address(self, visitor: str, email: str) -> None:
        traits = {"email": email}
        self.say(PAGE, f"anonymous:{visitor}", False, type="identify", anonymousId=visitor, traits=traits)

    @rule(choice=st.integers(0, 99))
    def somebody_confirms(self, choice: int) -> None:
        if not self.asked:
            return
        message = self.asked[choice % len(self.asked)]
        when = self.town.now.isoformat() + "Z"
        self.town.land(
            {"engagement": [{"message_id": message["message_id"], "type": "confirmed", "occurred_at": when}]}
        )
        self.reckoning.confirmed.add((message["lead_id"], message["recipient"]))

    @rule(data=st.data())
    def tick(self, data: st.DataObject) -> None:
        """Some of what waits lands, in any order."""
        shuffled = data.draw(st.permutations(self.waiting), label="order")
        lands = data.draw(st.integers(0, len(shuffled)), label="how many land")
        self._land_and_check(shuffled[:lands])

    def teardown(self) -> None:
        self._land_and_check(self.waiting)

    def _land_and_check(self, landing: Iterable[Said]) -> None:
        for said in list(landing):
            self.waiting.remove(said)
            self.reckoning.landed.append(said)
            self.town.land(said.rows)
        sent = self.town.tick()
        asked = [row for row in sent if row["sequence_id"] == "asks"]
        found = sorted((row["sequence_id"], row["lead_id"], row["recipient"]) for row in sent if row not in asked)
        assert found == sorted([*self._due("greets", self.greeted), *self._due("cart", self.reminded)])
        self._check_asked(asked)
        self.asked += asked

    def _due(self, sequence: str, done: set[str]) -> list[tuple[str, str, str | None]]:
        everybody = self.reckoning.leads() if sequence == "greets" else self.reckoning.shoppers()
        new = {lead_id for lead_id in everybody - done if self.reckoning.is_mailed(lead_id)}
        done |= new
        return [(sequence, lead_id, self.reckoning.email(lead_id)) for lead_id in new]

    def _check_asked(self, asked: list[Row]) -> None:
        assert not asked or self.mode == "confirm"
        before = [row["recipient"] for row in self.asked]
        for row in asked:
            assert row["lead_id"].startswith("anonymous:"), "nobody is asked about a user"
            assert row["recipient"] == self.reckoning.email(row["lead_id"])
            assert row["recipient"] not in before, "asked within a day"
            before.append(row["recipient"])


@pytest.mark.parametrize("mode", ["wait", "confirm", "mail"])
def test_mail_goes_where_trusted_sources_say(town: Town, mode: str) -> None:
    machine = type("Keys", (Keys,), {"town": town, "mode": mode})
    run_state_machine_as_test(machine, settings=SLOW)
