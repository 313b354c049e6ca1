"""One connection: opening, logging in, TLS, and a server's ways to answer."""

import ssl
import subprocess

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from dagster_drips.errors import DripsError
from dagster_drips.mail.message import OutgoingMessage
from dagster_drips.mail.transport import Connection, ServerUnavailable
from dagster_drips.settings import SmtpServer

from .servers import RawServer, ScriptedServer, closed_port

MESSAGE = OutgoingMessage("m1", "a@acme.example", "b@example.org", False, b"Subject: x\r\n\r\n.one\r\n..two\r\n")


def connected(port: int, **options) -> Connection:
    connection = Connection(SmtpServer("plain", "127.0.0.1", port), **options)
    connection.open()
    return connection


def test_lines_that_start_with_a_dot_arrive_as_they_were():
    with ScriptedServer() as server:
        connection = connected(server.controller.port)
        assert connection.send(MESSAGE).outcome == "sent"
        connection.close()
    assert server.contents == [MESSAGE.data]


def test_a_login_name_need_not_be_an_address():
    seen: list[LoginPassword] = []

    def authenticate(server, session, envelope, mechanism, data):
        seen.append(data)
        return AuthResult(success=True)

    with ScriptedServer(authenticator=authenticate, auth_require_tls=False, auth_required=True) as server:
        connection = Connection(SmtpServer("plain", "127.0.0.1", server.controller.port, "apikey", "s3cret"))
        connection.open()
        assert connection.send(MESSAGE).outcome == "sent"
        connection.close()
    assert seen == [LoginPassword(login=b"apikey", password=b"s3cret")]


def test_a_refused_login_is_one_clear_error_without_the_password():
    def authenticate(*_):
        return AuthResult(success=False, handled=False)

    with ScriptedServer(authenticator=authenticate, auth_require_tls=False) as server:
        connection = Connection(SmtpServer("plain", "127.0.0.1", server.controller.port, "ada", "s3cret"))
        with pytest.raises(DripsError, match="refused the login of ada") as refused:
            connection.open()
    assert "s3cret" not in str(refused.value)


def test_a_server_without_starttls_is_refused():
    with ScriptedServer() as server:
        connection = Connection(SmtpServer("starttls", "127.0.0.1", server.controller.port))
        with pytest.raises(DripsError, match="does not offer"):
            connection.open()


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]
    try:
        subprocess.run([*command, "-days", "1", "-subj", "/CN=127.0.0.1"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ScriptedServer(tls_context=context) as server:
        connection = Connection(SmtpServer("starttls", "127.0.0.1", server.controller.port))
        with pytest.raises(DripsError, match="no secure connection"):
            connection.open()


def test_a_refused_connection_is_unavailable_not_an_error():
    with pytest.raises(ServerUnavailable, match="can't be reached"):
        connected(closed_port())


def test_a_greeting_of_not_now_is_unavailable():
    with RawServer(lambda dialogue, _: dialogue.say("421 too busy")) as server, pytest.raises(ServerUnavailable):
        connected(server.port)


def test_silence_after_the_whole_message_is_in_doubt():
    def script(dialogue, _):
        dialogue.greet()
        dialogue.until_data()
        dialogue.hear_body()
        dialogue.hear()

    with RawServer(script) as server:
        outcome = connected(server.port, final_timeout=0.1).send(MESSAGE)
    assert (outcome.outcome, outcome.lost_connection) == ("in_doubt", True)
    assert outcome.detail == "the connection was lost before the server's answer (timed out)"


def test_an_unreadable_answer_to_the_whole_message_is_in_doubt():
    def script(dialogue, _):
        dialogue.greet()
        dialogue.until_data()
        dialogue.hear_body()
        dialogue.say("what?")

    with RawServer(script) as server:
        assert connected(server.port).send(MESSAGE).outcome == "in_doubt"


def test_421_instead_of_an_answer_means_not_taken():
    def script(dialogue, _):
        dialogue.greet()
        dialogue.until_data()
        dialogue.hear_body()
        dialogue.say("421 4.3.0 going down")

    with RawServer(script) as server:
        outcome = connected(server.port).send(MESSAGE)
    assert (outcome.outcome, outcome.smtp_code, outcome.enhanced_code) == ("deferred", 421, "4.3.0")


def test_a_foreign_local_part_is_sent_where_the_server_can_and_fails_clearly_elsewhere():
    message = OutgoingMessage(
        "m2", "a@acme.example", "jörg@example.org", True, "To: jörg@example.org\r\n\r\nx\r\n".encode()
    )
    with ScriptedServer() as server:
        assert connected(server.controller.port).send(message).outcome == "sent"
    with ScriptedServer(enable_SMTPUTF8=False) as server:
        outcome = connected(server.controller.port).send(message)
    assert (outcome.outcome, "SMTPUTF8" in (outcome.detail or "")) == ("failed", True)
