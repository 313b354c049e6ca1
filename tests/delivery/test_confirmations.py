"""A confirmation as it goes out: to a stranger, with the link that confirms, with nothing that a page said."""

from __future__ import annotations

import re

from smtp.servers import ScriptedServer

from dagster_drips.delivery.dispatch import dispatch
from dagster_drips.links.tokens import Purpose, Tokens
from dagster_drips.settings import Settings

from .conftest import AS_OF, WALL, World

KEY = "a key of some thirty-two characters"
FILES = {
    "hello.html": (
        "<html><body><p>Hello {{ lead.first_name | default('you') }}, {{ lead.email }}</p>"
        '<a href="{{ confirm_url }}">Yes</a> <a href="https://acme.example/who">Who we are</a></body></html>'
    )
}
CONFIRMATION = {"confirmation": True, "transactional": True}


def sent(world: World, **settings: str) -> list[str]:
    """The HTML of what a run sends."""
    with ScriptedServer() as server:
        given = Settings(smtp_url=server.url, smtp_connections=1, **settings)
        dispatch(world.project, world.warehouse, given, as_of=AS_OF, now=lambda: WALL)
    return [list(message.iter_parts())[1].get_content() for message in server.messages]


def test_a_confirmation_has_the_link_and_tells_a_stranger_nothing_of_what_a_page_said(world: World) -> None:
    world.add_version(FILES, sequence=CONFIRMATION, subject="Is it you?")
    message_id = world.add_lead(1, name="Call 1-800-SCAM")
    [html] = sent(world, public_url="https://mail.acme.example", secret_keys=KEY)
    assert "Hello you, lead1@example.org" in html
    [token] = re.findall(r'href="https://mail\.acme\.example/confirm/([\w-]+)"', html)
    assert Tokens([KEY]).read_message(token, Purpose.CONFIRM) == message_id
    assert "/c/" not in html and "/o/" not in html, "nobody is tracked who has not said yes"


def test_without_a_public_address_it_fails_and_says_why(world: World) -> None:
    world.add_version(FILES, sequence=CONFIRMATION, subject="Is it you?")
    world.add_lead(1)
    assert sent(world) == []
    [row] = world.log()
    assert row["outcome"] == "failed" and "confirm_url" in row["detail"]


def test_other_messages_have_no_such_link(world: World) -> None:
    world.add_version(FILES, subject="Hello")
    world.add_lead(1)
    assert sent(world, public_url="https://mail.acme.example", secret_keys=KEY) == []
    [row] = world.log()
    assert row["outcome"] == "failed" and "confirm_url" in row["detail"]
