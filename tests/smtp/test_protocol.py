"""The SMTP protocol without a network: every reply in every place, in pieces of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_drips.message.mime import OutgoingMessage
from dagster_drips.smtp.protocol import Answered, SmtpProtocol, Untouched, WantsBody

PIPELINING = frozenset({"pipelining"})


def message(name: str) -> OutgoingMessage:
    return OutgoingMessage(name, "a@acme.example", f"{name}@example.org", False, b"Subject: x\r\n\r\n.dot\r\n")


def spoken(protocol: SmtpProtocol) -> bytes:
    """Everything that is to be sent, sent."""
    said = bytes(protocol.output)
    protocol.taken(len(said))
    return said


def at_the_body(extensions=PIPELINING, name: str = "m1") -> SmtpProtocol[str]:
    protocol: SmtpProtocol[str] = SmtpProtocol(extensions)
    assert protocol.begin(name, message(name)) is None
    spoken(protocol)
    events = protocol.receive(b"250 ok\r\n")
    for reply in (b"250 ok\r\n", b"354 go on\r\n"):
        spoken(protocol)
        events += protocol.receive(reply)
    assert events == [WantsBody(name)]
    return protocol


def outcomes(events) -> list[tuple[str, str]]:
    return [(event.owner, event.outcome.outcome) for event in events if isinstance(event, Answered)]


def test_an_envelope_goes_out_at_once_where_the_server_pipelines():
    protocol: SmtpProtocol[str] = SmtpProtocol(PIPELINING)
    protocol.begin("m1", message("m1"))
    assert spoken(protocol) == b"MAIL FROM:<a@acme.example>\r\nRCPT TO:<m1@example.org>\r\nDATA\r\n"


def test_an_envelope_goes_out_a_command_at_a_time_elsewhere():
    protocol: SmtpProtocol[str] = SmtpProtocol(())
    protocol.begin("m1", message("m1"))
    said = [spoken(protocol)]
    for reply in (b"250 ok\r\n", b"250 ok\r\n"):
        assert protocol.receive(reply) == []
        said.append(spoken(protocol))
    assert said == [b"MAIL FROM:<a@acme.example>\r\n", b"RCPT TO:<m1@example.org>\r\n", b"DATA\r\n"]


def test_a_body_is_dot_stuffed_and_ends_with_a_dot():
    protocol = at_the_body()
    protocol.send_body()
    assert spoken(protocol) == b"Subject: x\r\n\r\n..dot\r\n.\r\n"
    assert outcomes(protocol.receive(b"250 2.0.0 queued\r\n")) == [("m1", "sent")]
    assert protocol.is_idle


@pytest.mark.parametrize("replies", [b"", b"250 ok\r\n", b"250 ok\r\n250 ok\r\n", b"250 ok\r\n250 ok\r\n451 later\r\n"])
def test_no_body_goes_out_before_the_servers_354(replies):
    protocol: SmtpProtocol[str] = SmtpProtocol(PIPELINING)
    protocol.begin("m1", message("m1"))
    spoken(protocol)
    protocol.receive(replies)
    with pytest.raises(RuntimeError, match="354"):
        protocol.send_body()
    assert spoken(protocol) == b""


def test_no_body_goes_out_twice():
    protocol = at_the_body()
    protocol.send_body()
    said = spoken(protocol)
    with pytest.raises(RuntimeError, match="354"):
        protocol.send_body()
    assert (said.count(b"\r\n.\r\n"), spoken(protocol)) == (1, b"")


def test_the_next_envelope_goes_with_a_body_behind_a_reset():
    protocol = at_the_body()
    protocol.send_body()
    protocol.begin("m2", message("m2"))
    assert spoken(protocol).endswith(b".\r\nRSET\r\nMAIL FROM:<a@acme.example>\r\nRCPT TO:<m2@example.org>\r\nDATA\r\n")
    events = protocol.receive(b"250 1\r\n250 reset\r\n250 mail\r\n250 rcpt\r\n354 go\r\n")
    assert outcomes(events) == [("m1", "sent")]
    assert events[-1] == WantsBody("m2")


def test_a_server_that_does_not_pipeline_gets_one_message_at_a_time():
    protocol = at_the_body(extensions=())
    protocol.send_body()
    assert not protocol.can_begin


@pytest.mark.parametrize("extensions", [(), PIPELINING])
def test_a_refused_recipient_leaves_the_connection_to_the_next_message(extensions):
    protocol: SmtpProtocol[str] = SmtpProtocol(extensions)
    protocol.begin("m1", message("m1"))
    spoken(protocol)
    events = protocol.receive(b"250 ok\r\n")
    spoken(protocol)
    events += protocol.receive(b"550 5.1.1 nobody\r\n")
    if extensions:
        assert events == []
        events += protocol.receive(b"554 5.5.1 no valid recipients\r\n")
    [answer] = events
    assert (answer.outcome.outcome, answer.outcome.smtp_code, answer.outcome.detail) == ("bounced", 550, "5.1.1 nobody")
    assert protocol.can_begin
    protocol.begin("m2", message("m2"))
    assert spoken(protocol).startswith(b"RSET\r\nMAIL")


def test_a_server_that_wants_the_body_of_a_refused_message_gets_nothing_more():
    protocol: SmtpProtocol[str] = SmtpProtocol(PIPELINING)
    protocol.begin("m1", message("m1"))
    spoken(protocol)
    events = protocol.receive(b"503 5.5.1 nested MAIL\r\n250 ok\r\n354 go on\r\n")
    assert outcomes(events) == [("m1", "failed")]
    assert (protocol.ended, spoken(protocol)) == (True, b"")


def test_a_connection_lost_before_the_last_byte_was_handed_over_defers():
    protocol = at_the_body()
    protocol.send_body()
    protocol.taken(len(protocol.output) - 1)
    assert outcomes(protocol.lose("reset")) == [("m1", "deferred")]


def test_a_connection_lost_after_the_last_byte_leaves_a_doubt_and_the_next_message_untouched():
    protocol = at_the_body()
    protocol.send_body()
    protocol.begin("m2", message("m2"))
    spoken(protocol)
    events = protocol.lose("reset")
    assert outcomes(events) == [("m1", "in_doubt"), ("m2", "deferred")]
    protocol = at_the_body()
    protocol.send_body()
    spoken(protocol)
    protocol.receive(b"250 ok\r\n")
    protocol.begin("m2", message("m2"))
    assert protocol.lose("reset") == [Untouched("m2")]


def test_only_the_envelopes_tail_missing_does_not_make_a_doubt_of_less_than_a_whole_body():
    protocol = at_the_body()
    protocol.send_body()
    protocol.begin("m2", message("m2"))
    body = bytes(protocol.output).index(b"\r\n.\r\n") + 5
    protocol.taken(body)
    assert outcomes(protocol.lose("reset"))[0] == ("m1", "in_doubt")


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
    protocol = at_the_body()
    protocol.send_body()
    spoken(protocol)
    assert outcomes(protocol.receive(reply)) == [("m1", outcome)]
    assert protocol.ended == (outcome == "in_doubt" or reply.startswith(b"421"))


@given(cuts=st.lists(st.integers(0, 200), max_size=12))
def test_replies_may_arrive_in_pieces_of_any_size(cuts):
    replies = (
        b"250-first line\r\n250 2.0.0 second\r\n250 reset\r\n250 ok\r\n"
        b"550-5.1.1 no\r\n550 5.1.1 body\r\n503 5.5.1 no recipients\r\n"
    )
    protocol = at_the_body()
    protocol.send_body()
    protocol.begin("m2", message("m2"))
    spoken(protocol)
    events, start = [], 0
    for cut in [*sorted(cut % len(replies) for cut in cuts), len(replies)]:
        events += protocol.receive(replies[start:cut])
        start = cut
    assert outcomes(events) == [("m1", "sent"), ("m2", "bounced")]
    assert events[0].outcome.detail == "first line 2.0.0 second"


def test_a_reply_without_an_end_ends_the_dialogue():
    protocol = at_the_body()
    protocol.send_body()
    spoken(protocol)
    assert outcomes(protocol.receive(b"250" + b"-" * 200_000)) == [("m1", "in_doubt")]


def test_a_goodbye_nobody_asked_for_ends_the_dialogue():
    protocol: SmtpProtocol[str] = SmtpProtocol(PIPELINING)
    assert protocol.receive(b"421 4.3.2 shutting down\r\n") == []
    assert protocol.ended
