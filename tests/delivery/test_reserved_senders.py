"""Mail of example senders (RFC 2606) stays on this machine or at reserved domains; the others' goes on."""

import pytest
from smtp.servers import ScriptedServer

from dagster_drips.addresses import is_reserved
from dagster_drips.delivery.dispatch import DispatchReport, dispatch
from dagster_drips.settings import Settings

from .conftest import AS_OF, WALL, World


@pytest.mark.parametrize(
    "address",
    ["a@acme.example", "A@ACME.EXAMPLE.", "a@example", "a@x.test", "a@x.invalid", "a@localhost", "a@mx.localhost",
     "a@example.com", "a@mail.example.org", " a@Example.NET ", '"b@c.de"@x.test', "example.com"],
)  # fmt: skip
def test_a_domain_of_rfc_2606_is_nobodys(address: str) -> None:
    assert is_reserved(address)


@pytest.mark.parametrize(
    "address",
    ["a@acme.de", "a@myexample.com", "a@example.com.evil.net", "a@test.de", "a@example.co", "a@notlocalhost", "a@"],
)  # fmt: skip
def test_every_other_domain_may_be_somebodys(address: str) -> None:
    assert not is_reserved(address)


def run(world: World, url: str) -> DispatchReport:
    settings = Settings(smtp_url=url, smtp_connections=1)
    return dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL)


@pytest.fixture(autouse=True)
def due(world: World) -> None:
    world.add_version()
    world.add_lead(1, recipient="ann@gmail.com", address="ann@gmail.com")
    world.add_lead(2, recipient="bob@shop.example", address="bob@shop.example")
    real = {"sender_email": "team@acme.de", "recipient": "cid@gmail.com", "address": "cid@gmail.com"}
    world.add_lead(3, **real)


def elsewhere(server: ScriptedServer) -> str:
    """The same server by a name that nobody knows to be this machine's."""
    return server.url.replace("127.0.0.1", "127.1")


def test_at_a_server_elsewhere_it_reaches_reserved_domains_only_and_says_why(world: World) -> None:
    with ScriptedServer() as server:
        report = run(world, elsewhere(server))
        assert sorted(world.outcomes()) == [f"{number:032x}" for number in (2, 3)]
        assert (report.sent, report.left_due) == (2, 1)
        assert report.stopped == (
            "1 of sender ada@acme.example, which is at a domain reserved for examples (RFC 2606), go to nobody but"
            " reserved domains or a mail server on this machine: give the sequence a sender of yours"
        )
        assert len(server.accepted) == 2


def test_at_a_server_on_this_machine_it_reaches_everybody(world: World) -> None:
    with ScriptedServer() as server:
        report = run(world, server.url)
        assert (report.sent, report.stopped) == (3, None)


def test_one_server_elsewhere_on_its_way_is_enough_to_keep_it_back(world: World) -> None:
    row = {"sender_id": "ada", "address": "ada@acme.example", "email": "ada@acme.example", "verp": True}
    world.warehouse.append_rows("raw.sender_identities", [{**row, "servers": ["default", "backup"]}])
    with ScriptedServer() as server:
        urls = {"backup": elsewhere(server)}
        settings = Settings(smtp_url=server.url, smtp_urls=urls, smtp_connections=1)
        report = dispatch(world.project, world.warehouse, settings, as_of=AS_OF, now=lambda: WALL)
        assert report.sent == 2
