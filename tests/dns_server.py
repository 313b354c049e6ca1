"""A DNS server on 127.0.0.1 for tests: answers from a dict, over UDP and TCP, and knows no other names."""

import socket
import socketserver
import threading
from collections.abc import Collection, Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], Sequence[str]]
"""(name, type) → values: `("acme.example", "TXT"): ["v=spf1 -all"]`, MX as `"10 mx.acme.example"`."""


class DnsServer:
    """Serves a zone while it is entered; a name without any record is NXDOMAIN.

    Args:
        zone: what to answer; may be changed while it runs.
        broken: names that are answered with SERVFAIL; None: all of them.
    """

    def __init__(self, zone: Zone, *, broken: Collection[str] | None = ()):
        self.zone = zone
        self.asked: list[tuple[str, str]] = []
        self._broken = broken
        self._servers = _on_one_port()
        self.port = self._servers[0].server_address[1]
        for server in self._servers:
            server.dns = self
        self._threads = [threading.Thread(target=server.serve_forever, args=(0.002,)) for server in self._servers]

    @property
    def address(self) -> str:
        """What `drips doctor --resolver` takes."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(5)

    def answer(self, packet: bytes, *, limit: int | None) -> bytes:
        """The reply to one query; over `limit` bytes it is cut and says so (TC), so that the client asks by TCP."""
        query = dns.message.from_wire(packet)
        response = dns.message.make_response(query)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        values = self.zone.get((name, kind), ())
        if self._broken is None or name in self._broken:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif values:
            texts = [_quoted(value) if kind == "TXT" else value for value in values]
            response.answer.append(
                dns.rrset.from_text_list(question.name, 60, "IN", kind, texts, origin=dns.name.root, relativize=False)
            )
        elif not any(known == name or known.endswith("." + name) for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        try:
            return response.to_wire(max_size=limit or 65535)
        except dns.exception.TooBig:
            cut = dns.message.make_response(query)
            cut.flags |= dns.flags.TC
            return cut.to_wire()


def silent_address(listener: socket.socket) -> str:
    """Where nobody ever answers: `listener` is a bound UDP socket that is never read."""
    return f"127.0.0.1:{listener.getsockname()[1]}"


def _on_one_port() -> tuple[socketserver.BaseServer, socketserver.BaseServer]:
    """A server each for UDP and TCP; a port that is free for one may be taken for the other."""
    for _ in range(20):
        datagrams = _Datagrams(("127.0.0.1", 0), _Datagram)
        try:
            return datagrams, _Streams(datagrams.server_address, _Stream)
        except OSError:
            datagrams.server_close()
    raise OSError("no port is free for both UDP and TCP")


def _quoted(text: str) -> str:
    """A TXT record's text in pieces of 255 bytes at most, as DNS has them."""
    pieces = [text[start : start + 255] for start in range(0, len(text), 255)] or [""]
    return " ".join('"{}"'.format(piece.replace("\\", r"\\").replace('"', r"\"")) for piece in pieces)


class _Datagrams(socketserver.ThreadingUDPServer):
    daemon_threads = True
    dns: DnsServer


class _Streams(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    dns: DnsServer


class _Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        packet, connection = self.request
        connection.sendto(self.server.dns.answer(packet, limit=512), self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    def handle(self):
        while len(head := self.rfile.read(2)) == 2:
            reply = self.server.dns.answer(self.rfile.read(int.from_bytes(head, "big")), limit=None)
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)
