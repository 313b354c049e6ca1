"""Replies of every kind at every moment, in pieces of any size: each message that was begun gets one end, and no more.

The dialogue alone, without a network; over real sockets the same is tried in `test_mail_servers`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_drips.message.mime import OutgoingMessage
from dagster_drips.smtp.outcomes import Outcome
from dagster_drips.smtp.protocol import LONGEST_REPLY, Answered, Dialogue, Event, Untouched, WantsBody

EXTENSIONS = [frozenset(), frozenset({"pipelining"})]
REPLIES = [
    *(f"{code} 2.0.0 fine\r\n".encode() for code in (220, 250, 251, 354, 334)),
    *(f"{code} 4.2.1 later\r\n".encode() for code in (421, 450, 451, 454)),
    *(f"{code} 5.1.1 User unknown\r\n".encode() for code in (500, 503, 530, 550, 552, 554, 556)),
    *(b"000 x\r\n", b"150 x\r\n", b"999 x\r\n", b"250\r\n", b"354\r\n", b"\r\n", b"\n", b"\r", b"-\r\n", b" 250 x\r\n"),
    *(
        b"250-",
        b"250-more\r\n",
        b"550-more\r\n",
        b"421-more\r\n",
        b"25",
        b"2",
        b"\0" * 9,
        b"\xff\xfe\r\n",
        b"2500 x\r\n",
    ),
    *(b"\xe2\x80\xae\x1b[2J\r\n", b"HTTP/1.1 200 OK\r\n", b"250 \x1b]0;x\x07\r\n", "２５０ ok\r\n".encode()),
]
PROPER = [b"250 ok\r\n250 ok\r\n354 go on\r\n", b"250 2.0.0 queued\r\n", b"250 ok\r\n", b"354 go on\r\n"]


def message(name: str) -> OutgoingMessage:
    return OutgoingMessage(name, "a@acme.example", f"{name}@example.org", False, b"Subject: x\r\n\r\n.dot\r\n")


@dataclass
class Owner:
    """Does what the crew does with a dialogue, and keeps what became of each message."""

    dialogue: Dialogue[str]
    begun: list[str] = field(default_factory=list)
    ends: dict[str, Outcome | None] = field(default_factory=dict)
    handed_over: set[str] = field(default_factory=set)
    """Messages whose last byte the network has."""

    def begin(self) -> None:
        if self.dialogue.can_begin:
            name = f"m{len(self.begun)}"
            self.begun.append(name)
            assert self.dialogue.begin(name, message(name)) is None

    def hand_over(self, count: int) -> None:
        data = bytes(self.dialogue.output[:count])
        self._said = getattr(self, "_said", b"") + data
        self.dialogue.taken(len(data))
        if self._bodies and self._said.count(b"\r\n.\r\n") >= len(self._bodies):
            self.handed_over.update(self._bodies)

    def hear(self, data: bytes) -> None:
        self.take(self.dialogue.receive(data))

    def lose(self) -> None:
        self.take(self.dialogue.lose("reset"))

    def take(self, events: Sequence[Event[str]]) -> None:
        for event in events:
            assert event.owner in self.begun
            assert event.owner not in self.ends, "two ends"
            if isinstance(event, WantsBody):
                assert not self.dialogue.ended, "a body is wanted on a connection that is over"
                self._bodies.append(event.owner)
                self.dialogue.send_body()
            elif isinstance(event, Answered):
                self.ends[event.owner] = event.outcome
            else:
                assert isinstance(event, Untouched)
                self.ends[event.owner] = None

    def __post_init__(self) -> None:
        self._bodies: list[str] = []


actions = st.one_of(
    st.tuples(st.just("begin"), st.just(0)),
    st.tuples(st.just("hand over"), st.sampled_from([1, 7, 30, 100, 10_000])),
    st.tuples(st.just("hear"), st.sampled_from([*REPLIES, *PROPER * 4])),
    st.tuples(st.just("hear"), st.lists(st.sampled_from([*REPLIES, *PROPER]), min_size=2, max_size=5).map(b"".join)),
    st.tuples(st.just("hear"), st.binary(max_size=40)),
)


@pytest.mark.slow
@pytest.mark.parametrize("extensions", EXTENSIONS)
@settings(max_examples=1_500, deadline=None)
@given(steps=st.lists(actions, max_size=40))
def test_every_message_that_was_begun_gets_one_end_whatever_is_heard(extensions, steps):
    owner = Owner(Dialogue(extensions))
    for step, value in steps:
        if step == "begin":
            owner.begin()
        elif step == "hand over":
            owner.hand_over(int(value))
        else:
            owner.hear(bytes(value))
        if owner.dialogue.ended:
            assert set(owner.begun) == set(owner.ends)
            assert not owner.dialogue.can_begin
    owner.lose()
    assert set(owner.ends) == set(owner.begun)
    for name, outcome in owner.ends.items():
        # Nothing is sent, or in doubt, of which no server can have the end; and nothing goes again that one may have.
        if outcome is not None and outcome.outcome == "sent":
            assert name in owner.handed_over
        if name not in owner.handed_over:
            assert outcome is None or outcome.outcome != "sent"


@pytest.mark.parametrize("extensions", EXTENSIONS)
@settings(max_examples=300, deadline=None)
@given(cuts=st.lists(st.integers(1, 400), max_size=30), odd=st.sampled_from([b"", *REPLIES]))
def test_pieces_mean_what_the_whole_means(extensions, cuts, odd):
    said = b"250-a\r\n250 b\r\n" + odd

    def heard(pieces: list[bytes]) -> dict[str, Outcome | None]:
        owner = Owner(Dialogue(extensions))
        owner.begin()
        owner.hand_over(10_000)
        for piece in pieces:
            owner.hear(piece)
        owner.lose()
        return owner.ends

    places = [0, *sorted({cut % len(said) for cut in cuts}), len(said)]
    assert heard([said[a:b] for a, b in pairwise(places)]) == heard([said])


def at(state: str, extensions: frozenset[str]) -> Owner:
    """An owner whose dialogue waits for the reply to that command."""
    owner = Owner(Dialogue(extensions))
    if state == "nothing":
        return owner
    owner.begin()
    for reached, reply in (("MAIL", b"250 ok\r\n"), ("RCPT", b"250 ok\r\n"), ("DATA", b"354 go\r\n")):
        owner.hand_over(10_000)
        if state == reached:
            return owner
        owner.hear(reply)
    owner.hand_over(10_000)
    if state == "BODY":
        return owner
    owner.hear(b"450 4.2.1 later\r\n")
    owner.begin()
    owner.hand_over(10_000)
    return owner


STATES = ["nothing", "MAIL", "RCPT", "DATA", "BODY", "RSET"]


@pytest.mark.parametrize("extensions", EXTENSIONS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("piece", [b"250-wait\r\n", b"250-\r\n", b"2", b"250 " + b"x" * 100, b"\0" * 64, b"\r"])
def test_a_reply_that_never_ends_is_given_up_at_its_limit(state, extensions, piece):
    owner = at(state, extensions)
    heard = 0
    while not owner.dialogue.ended:
        owner.hear(piece)
        heard += len(piece)
        assert heard <= LONGEST_REPLY + 2 * len(piece)
    assert set(owner.ends) == set(owner.begun)


@pytest.mark.parametrize("extensions", EXTENSIONS)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("reply", REPLIES)
def test_any_reply_in_any_state_leaves_every_message_with_one_end(state, extensions, reply):
    owner = at(state, extensions)
    for _ in range(8):
        owner.hear(reply)
        owner.hand_over(10_000)
    owner.lose()
    assert set(owner.ends) == set(owner.begun)


@pytest.mark.parametrize("extensions", EXTENSIONS)
@pytest.mark.parametrize(
    "more", [b"421 4.3.2 bye\r\n", b"250 ok\r\n", b"354 again\r\n", b"550 5.1.1 no\r\n", b"\xff\r\n"], ids=repr
)
def test_a_body_is_not_wanted_where_more_than_354_came(extensions, more):
    owner = at("DATA", extensions)
    owner.hear(b"354 go on\r\n" + more)
    assert owner.dialogue.ended
    [outcome] = owner.ends.values()
    assert outcome is not None
    assert (outcome.outcome, outcome.lost_connection) == ("deferred", True)


def test_an_answer_before_the_end_of_the_message_is_not_taken_for_one():
    owner = at("DATA", EXTENSIONS[1])
    owner.hear(b"354 go on\r\n")
    owner.hand_over(5)
    owner.hear(b"250 2.0.0 queued\r\n")
    [outcome] = owner.ends.values()
    assert outcome is not None
    assert outcome.outcome == "in_doubt"
    assert "before it had the whole message" in (outcome.detail or "")


@pytest.mark.parametrize(
    "reply", [b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 ok\r\n421 bye\r\n", b"250 a\r\n550 5.1.1 b\r\n"]
)
def test_answers_ahead_of_their_commands_bounce_nobody(reply):
    owner = at("MAIL", EXTENSIONS[0])
    owner.hear(reply)
    [outcome] = owner.ends.values()
    assert outcome is not None
    assert (outcome.outcome, owner.dialogue.ended) == ("deferred", True)


def test_what_is_kept_of_a_reply_can_be_shown_and_is_short():
    owner = at("RCPT", EXTENSIONS[1])
    owner.hear(b"450 \x1b[2J\x9b1m\xe2\x80\xae" + b"x" * 50_000 + b"\r\n250 ok\r\n")
    owner.lose()
    [outcome] = owner.ends.values()
    assert outcome is not None
    detail = outcome.detail or ""
    assert detail.isprintable()
    assert detail.startswith(r"\x1b[2J\x9b1m\u202e")
    assert Counter(detail)["x"] < len(detail) <= 500
