"""The SMTP dialogue without a network: every reply in every place, in pieces of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_drips.message.mime import OutgoingMessage
from dagster_drips.smtp.protocol import Answered, Dialogue, Untouched, WantsBody

PIPELINING = frozenset({"pipelining"})


def message(name: str) -> OutgoingMessage:
    return OutgoingMessage(name, "a@acme.example", f"{name}@example.org", False, b"Subject: x\r\n\r\n.dot\r\n")


def spoken(dialogue: Dialogue) -> bytes:
    """Everything that is to be sent, sent."""
    said = bytes(dialogue.output)
    dialogue.taken(len(said))
    return said


def at_the_body(extensions=PIPELINING, name: str = "m1") -> Dialogue[str]:
    dialogue: Dialogue[str] = Dialogue(extensions)
    assert dialogue.begin(name, message(name)) is None
    spoken(dialogue)
    events = dialogue.receive(b"250 ok\r\n")
    for reply in (b"250 ok\r\n", b"354 go on\r\n"):
        spoken(dialogue)
        events += dialogue.receive(reply)
    assert events == [WantsBody(name)]
    return dialogue


def outcomes(events) -> list[tuple[str, str]]:
    return [(event.owner, event.outcome.outcome) for event in events if isinstance(event, Answered)]


def test_an_envelope_goes_out_at_once_where_the_server_pipelines():
    dialogue: Dialogue[str] = Dialogue(PIPELINING)
    dialogue.begin("m1", message("m1"))
    assert spoken(dialogue) == b"MAIL FROM:<a@acme.example>\r\nRCPT TO:<m1@example.org>\r\nDATA\r\n"


def test_an_envelope_goes_out_a_command_at_a_time_elsewhere():
    dialogue: Dialogue[str] = Dialogue(())
    dialogue.begin("m1", message("m1"))
    said = [spoken(dialogue)]
    for reply in (b"250 ok\r\n", b"250 ok\r\n"):
        assert dialogue.receive(reply) == []
        said.append(spoken(dialogue))
    assert said == [b"MAIL FROM:<a@acme.example>\r\n", b"RCPT TO:<m1@example.org>\r\n", b"DATA\r\n"]


def test_a_body_is_dot_stuffed_and_ends_with_a_dot():
    dialogue = at_the_body()
    dialogue.send_body()
    assert spoken(dialogue) == b"Subject: x\r\n\r\n..dot\r\n.\r\n"
    assert outcomes(dialogue.receive(b"250 2.0.0 queued\r\n")) == [("m1", "sent")]
    assert dialogue.is_idle


@pytest.mark.parametrize("replies", [b"", b"250 ok\r\n", b"250 ok\r\n250 ok\r\n", b"250 ok\r\n250 ok\r\n451 later\r\n"])
def test_no_body_goes_out_before_the_servers_354(replies):
    dialogue: Dialogue[str] = Dialogue(PIPELINING)
    dialogue.begin("m1", message("m1"))
    spoken(dialogue)
    dialogue.receive(replies)
    with pytest.raises(RuntimeError, match="354"):
        dialogue.send_body()
    assert spoken(dialogue) == b""


def test_no_body_goes_out_twice():
    dialogue = at_the_body()
    dialogue.send_body()
    said = spoken(dialogue)
    with pytest.raises(RuntimeError, match="354"):
        dialogue.send_body()
    assert (said.count(b"\r\n.\r\n"), spoken(dialogue)) == (1, b"")


def test_the_next_envelope_goes_with_a_body_behind_a_reset():
    dialogue = at_the_body()
    dialogue.send_body()
    dialogue.begin("m2", message("m2"))
    assert spoken(dialogue).endswith(b".\r\nRSET\r\nMAIL FROM:<a@acme.example>\r\nRCPT TO:<m2@example.org>\r\nDATA\r\n")
    events = dialogue.receive(b"250 1\r\n250 reset\r\n250 mail\r\n250 rcpt\r\n354 go\r\n")
    assert outcomes(events) == [("m1", "sent")]
    assert events[-1] == WantsBody("m2")


def test_a_server_that_does_not_pipeline_gets_one_message_at_a_time():
    dialogue = at_the_body(extensions=())
    dialogue.send_body()
    assert not dialogue.can_begin


@pytest.mark.parametrize("extensions", [(), PIPELINING])
def test_a_refused_recipient_leaves_the_connection_to_the_next_message(extensions):
    dialogue: Dialogue[str] = Dialogue(extensions)
    dialogue.begin("m1", message("m1"))
    spoken(dialogue)
    events = dialogue.receive(b"250 ok\r\n")
    spoken(dialogue)
    events += dialogue.receive(b"550 5.1.1 nobody\r\n")
    if extensions:
        assert events == []
        events += dialogue.receive(b"554 5.5.1 no valid recipients\r\n")
    [answer] = events
    assert (answer.outcome.outcome, answer.outcome.smtp_code, answer.outcome.detail) == ("bounced", 550, "5.1.1 nobody")
    assert dialogue.can_begin
    dialogue.begin("m2", message("m2"))
    assert spoken(dialogue).startswith(b"RSET\r\nMAIL")


def test_a_server_that_wants_the_body_of_a_refused_message_gets_nothing_more():
    dialogue: Dialogue[str] = Dialogue(PIPELINING)
    dialogue.begin("m1", message("m1"))
    spoken(dialogue)
    events = dialogue.receive(b"503 5.5.1 nested MAIL\r\n250 ok\r\n354 go on\r\n")
    assert outcomes(events) == [("m1", "failed")]
    assert (dialogue.ended, spoken(dialogue)) == (True, b"")


def test_a_connection_lost_before_the_last_byte_was_handed_over_defers():
    dialogue = at_the_body()
    dialogue.send_body()
    dialogue.taken(len(dialogue.output) - 1)
    assert outcomes(dialogue.lose("reset")) == [("m1", "deferred")]


def test_a_connection_lost_after_the_last_byte_leaves_a_doubt_and_the_next_message_untouched():
    dialogue = at_the_body()
    dialogue.send_body()
    dialogue.begin("m2", message("m2"))
    spoken(dialogue)
    events = dialogue.lose("reset")
    assert outcomes(events) == [("m1", "in_doubt"), ("m2", "deferred")]
    dialogue = at_the_body()
    dialogue.send_body()
    spoken(dialogue)
    dialogue.receive(b"250 ok\r\n")
    dialogue.begin("m2", message("m2"))
    assert dialogue.lose("reset") == [Untouched("m2")]


def test_only_the_envelopes_tail_missing_does_not_make_a_doubt_of_less_than_a_whole_body():
    dialogue = at_the_body()
    dialogue.send_body()
    dialogue.begin("m2", message("m2"))
    body = bytes(dialogue.output).index(b"\r\n.\r\n") + 5
    dialogue.taken(body)
    assert outcomes(dialogue.lose("reset"))[0] == ("m1", "in_doubt")


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (b"250 2.0.0 ok\r\n", "sent"),
        (b"451 4.3.0 later\r\n", "deferred"),
        (b"554 5.7.1 spam\r\n", "failed"),
        (b"421 4.3.0 down\r\n", "deferred"),
        (b"354 what\r\n", "in_doubt"),
        (b"garbage\r\n", "in_doubt"),
        (b"2x0 no\r\n", "in_doubt"),
    ],
)
def test_the_final_answer_decides(reply, outcome):
    dialogue = at_the_body()
    dialogue.send_body()
    spoken(dialogue)
    assert outcomes(dialogue.receive(reply)) == [("m1", outcome)]
    assert dialogue.ended == (outcome == "in_doubt" or reply.startswith(b"421"))


@given(cuts=st.lists(st.integers(0, 200), max_size=12))
def test_replies_may_arrive_in_pieces_of_any_size(cuts):
    replies = (
        b"250-first line\r\n250 2.0.0 second\r\n250 reset\r\n250 ok\r\n"
        b"550-5.1.1 no\r\n550 5.1.1 body\r\n503 5.5.1 no recipients\r\n"
    )
    dialogue = at_the_body()
    dialogue.send_body()
    dialogue.begin("m2", message("m2"))
    spoken(dialogue)
    events, start = [], 0
    for cut in [*sorted(cut % len(replies) for cut in cuts), len(replies)]:
        events += dialogue.receive(replies[start:cut])
        start = cut
    assert outcomes(events) == [("m1", "sent"), ("m2", "bounced")]
    assert events[0].outcome.detail == "first line 2.0.0 second"


def test_a_reply_without_an_end_ends_the_dialogue():
    dialogue = at_the_body()
    dialogue.send_body()
    spoken(dialogue)
    assert outcomes(dialogue.receive(b"250" + b"-" * 200_000)) == [("m1", "in_doubt")]


def test_a_goodbye_nobody_asked_for_ends_the_dialogue():
    dialogue: Dialogue[str] = Dialogue(PIPELINING)
    assert dialogue.receive(b"421 4.3.2 shutting down\r\n") == []
    assert dialogue.ended
