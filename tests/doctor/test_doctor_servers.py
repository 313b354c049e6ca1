"""What the doctor finds out about mail servers, from real ones on this machine."""

import ssl

import pytest
from aiosmtpd.smtp import AuthResult
from smtp.servers import RawServer, ScriptedServer, closed_port

from dagster_drips.doctor.servers import Offer, check_encryption, check_server, check_servers
from dagster_drips.settings import SmtpServer


def found(server: SmtpServer, name: str = "default") -> dict[str, tuple[str, str]]:
    """Subject → state and the words."""
    return {check.subject: (check.state, str(check)) for check in check_server(name, server)}


def tls(path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_server_on_this_machine_needs_no_tls_and_says_what_it_offers():
    with ScriptedServer() as server:
        checks = found(SmtpServer("plain", "127.0.0.1", server.controller.port))
    assert {state for state, _ in checks.values()} == {"ok"}
    assert "none needed on this machine" in checks["server default: TLS"][1]
    assert "SMTPUTF8, 8BITMIME, SIZE 33554432" in checks["server default: extensions"][1]
    assert "without PIPELINING" in checks["server default: extensions"][1]
    assert server.messages == []


def test_a_server_that_takes_small_messages_only_and_no_foreign_names_is_told():
    with ScriptedServer(enable_SMTPUTF8=False, data_size_limit=50_000) as server:
        checks = found(SmtpServer("plain", "127.0.0.1", server.controller.port))
    state, words = checks["server default: extensions"]
    assert state == "warning"
    assert "no message over 50,000 bytes" in words
    assert "without SMTPUTF8" in words


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(("days", "state", "words"), [(60, "ok", "valid until"), (3, "warning", "have it renewed")])
def test_a_certificate_that_is_vouched_for_is_taken_and_its_end_told(
    security, days, state, words, certificate, monkeypatch
):
    path = certificate(days)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    options = {"tls_context": tls(path)} if security == "starttls" else {"ssl_context": tls(path)}
    with ScriptedServer(**options) as server:
        checks = found(SmtpServer(security, "localhost", server.controller.port))
    assert checks["server default"][0] == "ok"
    assert checks["server default: TLS"][0] == state
    assert words in checks["server default: TLS"][1]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_a_problem(security, certificate):
    path = certificate(60)
    options = {"tls_context": tls(path)} if security == "starttls" else {"ssl_context": tls(path)}
    with ScriptedServer(**options) as server:
        checks = found(SmtpServer(security, "localhost", server.controller.port), "backup")
    [(state, words)] = checks.values()
    assert state == "problem"
    assert "self-signed certificate" in words
    assert "check DRIPS_SMTP_URL" in words


@pytest.mark.parametrize(("password", "state"), [("s3cret", "ok"), ("wr0ng", "problem")])
def test_a_login_is_tried(password, state):
    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == b"s3cret", handled=False)

    with ScriptedServer(authenticator=authenticate, auth_require_tls=False, auth_required=True) as server:
        checks = found(SmtpServer("plain", "127.0.0.1", server.controller.port, "ada", password))
    assert checks["server default"][0] == state
    assert ("login of ada accepted" in checks["server default"][1]) == (state == "ok")
    assert password not in str(checks)
    assert len(checks) == (3 if state == "ok" else 1)


def test_a_server_that_is_not_there_is_a_problem():
    [(state, words)] = found(SmtpServer("plain", "127.0.0.1", closed_port()), "main").values()
    assert state == "problem"
    assert words.endswith("check DRIPS_SMTP_URL_MAIN")


def test_a_server_that_says_nothing_is_given_up_on():
    with RawServer(lambda session, _: session.hear()) as server:
        [check] = check_server("main", SmtpServer("plain", "127.0.0.1", server.port), timeout=0.1)
    assert check.state == "problem"
    assert "does not answer (timed out); check DRIPS_SMTP_URL_MAIN" in str(check)


def test_a_server_that_takes_no_mail_now_is_a_problem():
    with RawServer(lambda session, _: session.say("421 4.3.0 too busy")) as server:
        [(state, words)] = found(SmtpServer("plain", "127.0.0.1", server.port)).values()
    assert (state, "too busy" in words) == ("problem", True)


def test_a_server_that_answers_only_now_and_then_is_a_warning():
    def script(session, number):
        if number == 2:
            session.greet()
            session.hear()
            session.say("221 bye")

    with RawServer(script) as server:
        [(state, words)] = found(SmtpServer("plain", "127.0.0.1", server.port)).values()
    assert (state, "a connection before failed" in words) == ("warning", True)


@pytest.mark.parametrize(("extensions", "advice"), [({"STARTTLS": ""}, "smtp+starttls://"), ({}, "smtps://")])
def test_mail_that_crosses_the_network_unencrypted_is_advised_against(extensions, advice):
    check = check_encryption("server a", "a", SmtpServer("plain", "mail.example", 25), Offer(extensions, None))
    assert check.state == "warning"
    assert f"use {advice}" in check.advice
    assert check.advice.endswith("in DRIPS_SMTP_URL_A")


def test_a_server_that_senders_name_and_nobody_set_is_a_problem_with_its_variable():
    [check] = check_servers({}, {"eu-west": ["acme", "shop"]})
    assert check.state == "problem"
    assert "acme, shop would send by it" in check.message
    assert "set DRIPS_SMTP_URL_EU_WEST" in check.advice
    with ScriptedServer() as server:
        servers = {"eu_west": SmtpServer("plain", "127.0.0.1", server.controller.port)}
        assert {check.state for check in check_servers(servers, {"eu-west": ["a"]})} == {"ok"}


def test_where_nothing_is_sent_a_missing_server_is_a_warning():
    assert [check.state for check in check_servers({}, {})] == ["warning"]
