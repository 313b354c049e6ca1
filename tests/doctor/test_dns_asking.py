"""Asking the DNS: no record is an answer, silence is none."""

import socket

import pytest
from dns_server import DnsServer, silent_address

from dagster_drips.doctor.resolver import Resolver, Unanswered, ascii_domain
from dagster_drips.errors import DripsError


def test_records_come_as_they_are_published_and_are_asked_for_once():
    long = "v=DKIM1; p=" + "A" * 900
    zone = {
        ("acme.example", "TXT"): [long, 'say "hi" \\ bye'],
        ("acme.example", "MX"): ["20 b.acme.example", "10 a.acme.example"],
        ("a.acme.example", "A"): ["192.0.2.1"],
        ("void.example", "MX"): ["0 ."],
    }
    with DnsServer(zone) as server:
        resolver = Resolver(server.address)
        assert sorted(resolver.texts("acme.example")) == ['say "hi" \\ bye', long]
        assert resolver.mail_exchangers("ACME.example") == ["a.acme.example", "b.acme.example"]
        assert resolver.mail_exchangers("void.example") == ["."]
        assert resolver.has_address("a.acme.example")
        assert not resolver.has_address("acme.example")
        assert resolver.texts("a.acme.example") == []
        assert resolver.texts("other.example") == []
        asked = len(server.asked)
        resolver.texts("Acme.Example.")
        assert len(server.asked) == asked
        assert server.asked.count(("acme.example", "TXT")) == 2  # by UDP, and again by TCP as it was cut


def test_a_name_that_the_dns_cannot_hold_has_no_records():
    with DnsServer({}) as server:
        resolver = Resolver(server.address)
        assert resolver.texts("a" * 64 + ".example") == []
        assert resolver.texts("a..example") == []


def test_silence_is_no_answer_and_soon_nobody_waits_for_it():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        resolver = Resolver(silent_address(listener), timeout=0.05)
        for number in range(20):
            with pytest.raises(Unanswered, match="does not answer"):
                resolver.texts(f"d{number}.example")
        listener.setblocking(False)
        names = set()
        while packet := received(listener):
            names.add(packet[12:20])
    assert len(names) == 2


def received(listener: socket.socket) -> bytes:
    try:
        return listener.recv(512)
    except BlockingIOError:
        return b""


def test_a_resolver_that_fails_is_no_answer():
    with DnsServer({}, broken=None) as server, pytest.raises(Unanswered, match="SERVFAIL"):
        Resolver(server.address).texts("acme.example")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:53", "[::1]:53", "[::1]", "::1", " 127.0.0.1:5353 "])
def test_a_resolvers_address_has_a_port_or_none(address):
    Resolver(address)


@pytest.mark.parametrize("address", ["", "dns.example:53", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "[::1]53"])
def test_what_is_no_resolvers_address_is_a_users_mistake(address):
    with pytest.raises(DripsError, match="not a resolver's address"):
        Resolver(address)


def test_international_domains_are_asked_for_in_ascii():
    assert ascii_domain("Bücher.example") == "xn--bcher-kva.example"
    assert ascii_domain("ACME.example") == "acme.example"
