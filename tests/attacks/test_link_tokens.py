"""What a link of a mail opens, when it is passed on: that link's own matter, and nothing else of its reader."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Generator
from itertools import product
from pathlib import Path

import pytest
from itsdangerous import Signer
from pydantic import SecretStr

from dagster_drips.collector.app import build_app
from dagster_drips.collector.context import CollectorContext
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.links.tokens import Purpose, Tokens
from dagster_drips.project import Project
from dagster_drips.settings import Settings
from tests.collector.collecting import KEY, MESSAGE_ID, Served, landed, project_in, served

TOKENS = Tokens([KEY])
SETTINGS = Settings(secret_keys=(SecretStr(KEY),), public_url="https://mail.acme.example")
PATHS = {
    Purpose.CLICK: "/c/{}/" + TOKENS.url("https://acme.example/"),
    Purpose.OPEN: "/o/{}.gif",
    Purpose.VIEW: "/v/{}",
    Purpose.UNSUBSCRIBE: "/u/{}",
    Purpose.PREFERENCES: "/p/{}",
    Purpose.CONFIRM: "/confirm/{}",
}
FORM = {"content_type": "application/x-www-form-urlencoded"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_in(tmp_path / "project")


@pytest.fixture
def web(project: Project) -> Generator[Served]:
    with served(build_app(CollectorContext.of(project, SETTINGS))) as collector:
        yield collector


def test_no_token_opens_what_another_is_for(web: Served, project: Project) -> None:
    for made_for, used_for in product(Purpose, repeat=2):
        if made_for is used_for:
            continue
        path = PATHS[used_for].format(TOKENS.message(MESSAGE_ID, made_for))
        for method in ("GET", "POST"):
            answer = web.ask(method, path, "wish=unsubscribe_all", **FORM)
            assert answer.status in (404, 405), (made_for, used_for, method)
            if answer.status == 404:
                assert "does not lead anywhere" in answer.text
    assert landed(project) == []


def test_a_links_own_token_opens_it(web: Served) -> None:
    # A view has nothing to show here, and says so.
    expected = {Purpose.CLICK: 302, Purpose.VIEW: 404}
    for purpose, path in PATHS.items():
        answer = web.ask("GET", path.format(TOKENS.message(MESSAGE_ID, purpose)))
        assert answer.status == expected.get(purpose, 200)
        assert purpose is not Purpose.VIEW or "does not lead anywhere" not in answer.text


def test_links_of_mails_that_are_out_already_work(web: Served) -> None:
    packed = urlsafe_b64encode(bytes.fromhex(MESSAGE_ID)).rstrip(b"=")
    old = Signer(KEY, salt="drips.message").sign(packed).decode()
    statuses = {purpose: web.ask("GET", path.format(old)).status for purpose, path in PATHS.items()}
    assert statuses.pop(Purpose.CONFIRM) == 404, "there was none"
    assert set(statuses.values()) == {200, 302, 404}
    assert web.ask("POST", f"/u/{old}", "List-Unsubscribe=One-Click", **FORM).status == 200


def test_a_clicks_address_does_not_tell_the_message_that_an_unsubscribe_mail_would_name() -> None:
    links = LinkMaker.of(SETTINGS).of_message(MESSAGE_ID, replies_to="help@acme.example", confirms=True)
    told = f"{links.clicks} {links.opens} {links.view_url} {links.unsubscribe_url} {links.confirm_url}"
    packed = urlsafe_b64encode(bytes.fromhex(MESSAGE_ID)).decode()
    assert MESSAGE_ID not in told and packed[:12] not in told
    tokens = re.findall(r"[\w-]{43}", told)
    assert len(tokens) == len(set(tokens)) == 5


def test_only_the_button_confirms_and_twice_is_once(web: Served, project: Project) -> None:
    path = f"/confirm/{TOKENS.message(MESSAGE_ID, Purpose.CONFIRM)}"
    for method in ("GET", "HEAD"):
        assert web.ask(method, path).status == 200
    assert landed(project) == [], "a scanner follows links"
    assert '<form method="post"' in web.ask("GET", path).text
    answer = web.ask("POST", path, "", **FORM)
    assert answer.status == 200 and "confirmed" in answer.text
    assert re.search(r'href="\.\./p/[\w-]{43}"', answer.text)


def test_a_confirmation_is_a_fact_about_the_message(project: Project) -> None:
    with served(build_app(CollectorContext.of(project, SETTINGS))) as web:
        path = f"/confirm/{TOKENS.message(MESSAGE_ID, Purpose.CONFIRM)}"
        assert web.ask("POST", path, "email=evil@attacker.example&message_id=x", **FORM).status == 200
    [row] = landed(project)
    assert (row["message_id"], row["type"]) == (MESSAGE_ID, "confirmed")
    assert "email" not in row
