"""One connection: opening, logging in, TLS, and a server's ways to answer."""

import ssl
import subprocess

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from smtp.servers import RawServer, ScriptedServer, closed_port

from dagster_drips.delivery.connection_pool import ConnectionPool
from dagster_drips.delivery.delivery_journal import DeliveryJournal, Result, read_records
from dagster_drips.delivery.queue import QueuedMessage
from dagster_drips.delivery.rate_limits import RateKey, RateLimiter
from dagster_drips.delivery.routes import Route
from dagster_drips.errors import DripsError
from dagster_drips.message.mime import OutgoingMessage
from dagster_drips.settings import SmtpServer
from dagster_drips.smtp.connections import Connection, ServerUnavailable
from dagster_drips.templating.templates import RenderError

from .conftest import AS_OF, due_message

MESSAGE = OutgoingMessage("m1", "a@acme.example", "b@example.org", False, b"Subject: x\r\n\r\n.one\r\n..two\r\n")


class PoolRunner:
    """Hands messages over by a connection pool of its own, and reads what was journaled of them."""

    def __init__(self, project):
        self._project = project

    def hand_over(self, server: SmtpServer | int, *messages: OutgoingMessage, **options) -> list[Result]:
        if isinstance(server, int):
            server = SmtpServer("plain", "127.0.0.1", server)
        batches = [[_queued(message) for message in messages]]
        by_id = {message.message_id: message for message in messages}
        with DeliveryJournal(self._project, now=lambda: AS_OF) as journal:
            pool = ConnectionPool(
                {"default": server},
                size=1,
                journal=journal,
                rate_limiter=RateLimiter({}, {}),
                compose=lambda queued, _: by_id[queued.due.message_id],
                now=lambda: AS_OF,
                on_outcome=lambda kind: None,
                **options,
            )
            with pool:
                assert pool.ready([("default",)]), pool.stopped
                pool.send(batches.pop, lambda: 0.0 if batches else None)
            path = journal.path
        with path.open("rb") as file:
            return [record for record in _records(file) if isinstance(record, Result)]


def _queued(message: OutgoingMessage) -> QueuedMessage:
    return QueuedMessage(
        due_message(message.message_id), RenderError(""), Route(("default",)), RateKey("a@acme.example", "example.org")
    )


def _records(file):
    for found in read_records(file):
        yield from found if isinstance(found, list) else [found]


@pytest.fixture
def runner(project) -> PoolRunner:
    return PoolRunner(project)


def test_lines_that_start_with_a_dot_arrive_as_they_were(runner):
    with ScriptedServer() as server:
        [result] = runner.hand_over(server.controller.port, MESSAGE)
    assert result.outcome == "sent"
    assert server.contents == [MESSAGE.data]


def test_a_login_name_need_not_be_an_address(runner):
    seen: list[LoginPassword] = []

    def authenticate(server, session, envelope, mechanism, data):
        seen.append(data)
        return AuthResult(success=True)

    with ScriptedServer(authenticator=authenticate, auth_require_tls=False, auth_required=True) as server:
        [result] = runner.hand_over(
            SmtpServer("plain", "127.0.0.1", server.controller.port, "apikey", "s3cret"), MESSAGE
        )
    assert result.outcome == "sent"
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
        Connection(SmtpServer("plain", "127.0.0.1", closed_port())).open()


def test_a_greeting_of_not_now_is_unavailable():
    with RawServer(lambda session, _: session.say("421 too busy")) as server, pytest.raises(ServerUnavailable):
        Connection(SmtpServer("plain", "127.0.0.1", server.port)).open()


def test_silence_after_the_whole_message_is_in_doubt(runner):
    def script(session, _):
        session.greet()
        session.until_data()
        session.hear_body()
        session.hear()

    with RawServer(script) as server:
        [result] = runner.hand_over(server.port, MESSAGE, final_timeout=0.1)
    assert result.outcome == "in_doubt"
    assert result.detail == "the connection was lost before the server's answer (timed out)"


def test_an_unreadable_answer_to_the_whole_message_is_in_doubt(runner):
    def script(session, _):
        session.greet()
        session.until_data()
        session.hear_body()
        session.say("what?")

    with RawServer(script) as server:
        [result] = runner.hand_over(server.port, MESSAGE)
    assert result.outcome == "in_doubt"


def test_421_instead_of_an_answer_means_not_taken(runner):
    def script(session, _):
        session.greet()
        session.until_data()
        session.hear_body()
        session.say("421 4.3.0 going down")

    with RawServer(script) as server:
        [result] = runner.hand_over(server.port, MESSAGE)
    assert (result.outcome, result.smtp_code, result.enhanced_code) == ("deferred", 421, "4.3.0")


def test_a_foreign_local_part_is_sent_where_the_server_can_and_fails_clearly_elsewhere(runner):
    message = OutgoingMessage(
        "m2", "a@acme.example", "jörg@example.org", True, "To: jörg@example.org\r\n\r\nx\r\n".encode()
    )
    with ScriptedServer() as server:
        [there] = runner.hand_over(server.controller.port, message)
    with ScriptedServer(enable_SMTPUTF8=False) as server:
        [elsewhere] = runner.hand_over(server.controller.port, message)
    assert there.outcome == "sent"
    assert (elsewhere.outcome, "SMTPUTF8" in (elsewhere.detail or "")) == ("failed", True)
