"""A sender's standing, from a DNS that says what each test needs: SPF, DKIM, DMARC, alignment, ways back."""

import socket
import subprocess

import pytest
from dns_server import DnsServer, silent_address
from pydantic import SecretStr

from dagster_drips.doctor.resolver import Resolver
from dagster_drips.doctor.senders import SenderFacts, check_sender, sender_facts, server_users
from dagster_drips.message.dkim import Signer
from dagster_drips.sequences.catalog import read_catalog

ACME = SenderFacts("acme", "hello@acme.example", is_identity=True)
SIGNED = SenderFacts("acme", "hello@acme.example", dkim_selector="drips", dkim_domain="acme.example", is_identity=True)
SELECTOR = ("drips._domainkey.acme.example", "TXT")


def zone_of(**changes: list[str] | None) -> dict[tuple[str, str], list[str]]:
    """A DNS where all is well with acme.example but for what changes."""
    zone = {
        "spf": (("acme.example", "TXT"), ["v=spf1 mx -all"]),
        "mx": (("acme.example", "MX"), ["10 mx.acme.example"]),
        "dmarc": (("_dmarc.acme.example", "TXT"), ["v=DMARC1; p=quarantine; rua=mailto:d@acme.example"]),
    }
    return {key: changes.get(name, values) or [] for name, (key, values) in zone.items()}


def checked(facts: SenderFacts, zone, key: str | None = None) -> dict[str, tuple[str, str]]:
    """What was looked at → state and the words."""
    with DnsServer(zone) as server:
        checks = list(check_sender(facts, SecretStr(key) if key else None, Resolver(server.address)))
    assert len({check.subject for check in checks}) == len(checks)
    if key:
        assert key.splitlines()[3] not in str(checks)
    return {check.subject.removeprefix(f"sender {facts.name}: "): (check.state, str(check)) for check in checks}


def test_where_all_is_well_all_is_said_to_be(key):
    zone = zone_of() | {SELECTOR: [Signer("acme.example", "drips", key).record]}
    found = checked(SIGNED, zone, key)
    assert {state for state, _ in found.values()} == {"ok"}
    assert list(found) == ["SPF", "DKIM", "DMARC", "alignment", "replies and bounces"]
    assert "policy quarantine from _dmarc.acme.example" in found["DMARC"][1]
    assert "and so does its signature" in found["alignment"][1]


def test_a_domain_without_any_record_is_told_what_to_publish(key):
    found = checked(SIGNED, {}, key)
    assert {name: state for name, (state, _) in found.items()} == {
        "SPF": "problem",
        "DKIM": "problem",
        "DMARC": "warning",
        "alignment": "ok",
        "replies and bounces": "problem",
    }
    assert f'drips._domainkey.acme.example: "{Signer("acme.example", "drips", key).record}"' in found["DKIM"][1]
    assert "_dmarc.acme.example" in found["DMARC"][1]


# DKIM ----------------------------------------------------------------------------------------------------------------


def other_key() -> str:
    return subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        (lambda record: [record.replace("v=DKIM1; k=rsa; ", "")], "ok", "public key of our rsa key"),
        (lambda record: [record.replace("p=MII", "p= MII ")], "ok", ""),
        (lambda record: [record + "; t=s; s=email; h=sha1:sha256"], "ok", ""),
        (lambda record: [record + "; t=y"], "warning", "t=y"),
        (lambda record: [record + "; h=sha1"], "problem", "no sha256"),
        (lambda record: [record + "; s=tlsrpt"], "problem", "not for mail"),
        (lambda record: [record, record + " "], "problem", "2 records"),
        (lambda record: ["v=DKIM1; k=rsa; p="], "problem", "revoked"),
        (lambda record: [record[:-60]], "problem", "not that of our private key"),
        (lambda record: [record.replace("k=rsa", "k=ed25519")], "problem", "not that of our private key"),
        (lambda record: [record.replace("p=MII", "p=!!!")], "problem", "not that of our private key"),
        (lambda record: [Signer("acme.example", "drips", other_key()).record], "problem", "every signature fails"),
        (lambda record: ["hello"], "problem", "can't be read"),
        (lambda record: ["v=DKIM2; p=abc"], "problem", "none of DKIM's"),
        (lambda record: [], "problem", "there is no record"),
    ],
)
def test_the_published_key_is_held_against_ours(key, change, state, words):
    records = change(Signer("acme.example", "drips", key).record)
    found = checked(SIGNED, zone_of() | {SELECTOR: records}, key)["DKIM"]
    assert (found[0], words in found[1]) == (state, True)


def test_a_key_published_without_its_wrapping_is_the_same_key(key):
    command = ["openssl", "rsa", "-RSAPublicKey_out"]
    pem = subprocess.run(command, input=key, check=True, capture_output=True, text=True).stdout
    record = "v=DKIM1; p=" + "".join(pem.splitlines()[1:-1])
    assert checked(SIGNED, zone_of() | {SELECTOR: [record]}, key)["DKIM"][0] == "ok"


def test_a_short_key_works_and_is_advised_against():
    short = subprocess.run(["openssl", "genrsa", "1024"], check=True, capture_output=True, text=True).stdout
    zone = zone_of() | {SELECTOR: [Signer("acme.example", "drips", short).record]}
    state, words = checked(SIGNED, zone, short)["DKIM"]
    assert (state, "1024 bits is short" in words) == ("warning", True)


def test_a_missing_or_unreadable_key_is_told_with_its_variable(key):
    assert "set DRIPS_DKIM_KEY_ACME to" in checked(SIGNED, zone_of())["DKIM"][1]
    assert "fix DRIPS_DKIM_KEY_ACME" in checked(SIGNED, zone_of(), "\n\n\n-----BEGIN nothing")["DKIM"][1]
    assert checked(SIGNED, zone_of())["DKIM"][0] == "problem"


def test_messages_that_nobody_signs_are_a_warning():
    state, words = checked(ACME, zone_of())["DKIM"]
    assert (state, "unless the mail server signs" in words) == ("warning", True)


# DMARC and alignment -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "records", "state", "words"),
    [
        ("a@acme.example", {"acme.example": ["v=DMARC1; p=none"]}, "ok", "policy none"),
        ("a@acme.example", {"acme.example": ["v=DMARC1;p=REJECT"]}, "ok", "policy reject"),
        ("a@news.acme.example", {"acme.example": ["v=DMARC1; p=reject; sp=none"]}, "ok", "none from _dmarc.acme.exam"),
        ("a@news.acme.example", {"acme.example": ["v=DMARC1; p=reject"]}, "ok", "reject from _dmarc.acme.example"),
        ("a@acme.example", {"acme.example": ["v=DMARC1; p=soon"]}, "problem", "has no policy"),
        ("a@acme.example", {"acme.example": ["v=DMARC1; rua=mailto:x@y"]}, "problem", "has no policy"),
        ("a@acme.example", {"acme.example": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, "problem", "2 DMARC"),
        ("a@acme.example", {"acme.example": ["v=spf1 -all"]}, "warning", "no DMARC record"),
        ("a@acme.gov.example", {"gov.example": ["v=DMARC1; p=reject; psd=y"]}, "warning", "no DMARC record"),
    ],
)
def test_the_policy_is_found_and_told(email, records, state, words):
    zone = {(f"_dmarc.{domain}", "TXT"): texts for domain, texts in records.items()}
    found = checked(SenderFacts("x", email), zone)["DMARC"]
    assert (found[0], words in found[1]) == (state, True)


@pytest.mark.parametrize(
    ("from_domain", "return_domain", "dkim", "record", "state"),
    [
        ("acme.example", "acme.example", None, "", "ok"),
        ("acme.example", "bounces.acme.example", None, "", "ok"),
        ("news.acme.example", "acme.example", None, "", "ok"),
        ("news.acme.example", "bounces.acme.example", None, "", "problem"),
        ("news.acme.example", "bounces.acme.example", None, "v=DMARC1; p=none", "ok"),
        ("acme.example", "bounces.acme.example", None, "v=DMARC1; p=none; aspf=s", "problem"),
        ("acme.example", "notacme.example", None, "v=DMARC1; p=none", "problem"),
        ("acme.example", "provider.example", "acme.example", "v=DMARC1; p=none", "warning"),
        ("acme.example", "provider.example", "mail.acme.example", "v=DMARC1; p=none", "warning"),
        ("acme.example", "provider.example", "mail.acme.example", "v=DMARC1; p=none; adkim=s", "problem"),
        ("acme.example", "provider.example", "provider.example", "v=DMARC1; p=none", "problem"),
    ],
)
def test_dmarc_passes_where_the_return_path_or_the_signature_speaks_for_the_sender(
    key, from_domain, return_domain, dkim, record, state
):
    facts = SenderFacts(
        "x",
        f"a@{from_domain}",
        return_path=f"b@{return_domain}",
        dkim_selector="drips" if dkim else None,
        dkim_domain=dkim,
    )
    zone = {("_dmarc.acme.example", "TXT"): [record]} if record else {}
    assert checked(facts, zone, key if dkim else None)["alignment"][0] == state


# Ways back -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "state", "words"),
    [
        ({"MX": ["20 b.example", "10 a.example"]}, "ok", "a.example, b.example"),
        ({"MX": ["0 ."]}, "problem", "takes no mail"),
        ({"A": ["192.0.2.1"]}, "warning", "only an address"),
        ({"AAAA": ["2001:db8::1"]}, "warning", "only an address"),
        ({}, "problem", "no MX record"),
    ],
)
def test_answers_and_bounces_need_somebody_who_takes_them(records, state, words):
    facts = SenderFacts("x", "a@acme.example", "help@desk.example", "b@mail.example")
    zone = zone_of(mx=None) | {("desk.example", kind): values for kind, values in records.items()}
    found = checked(facts, zone)
    assert (found["replies"][0], words in found["replies"][1]) == (state, True)
    assert found["bounces"][0] == "problem"


# Whom to ask about, and when nobody answers --------------------------------------------------------------------------


def test_where_the_dns_does_not_answer_nothing_is_a_problem(key):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        checks = list(check_sender(SIGNED, SecretStr(key), Resolver(silent_address(listener), timeout=0.05)))
    assert {check.state for check in checks} == {"warning"}
    assert all("the DNS could not be asked: the resolver does not answer" in check.message for check in checks)


def test_an_include_that_could_not_be_asked_for_is_told():
    zone = zone_of(spf=["v=spf1 include:broken.example -all"])
    with DnsServer(zone, broken=["broken.example"]) as server:
        checks = {check.subject: check for check in check_sender(ACME, None, Resolver(server.address))}
    assert checks["sender acme: SPF"].state == "warning"
    assert "could not be asked: the resolver answered SERVFAIL" in checks["sender acme: SPF"].advice


def test_identities_come_first_and_each_inline_address_once(shop):
    shop.senders(
        "servers: [main, backup]\n"
        "senders:\n"
        "  acme: {email: Hello@acme.example, return_path: b@mail.acme.example, servers: eu-west,"
        " dkim: {selector: drips}}\n"
        "  shop: {email: shop@bücher.example, dkim: {selector: s, domain: acme.example}}\n"
    )
    shop.sequence("one", "sender: {name: Hi, email: hello@ACME.example}")
    shop.sequence("two", "sender: {name: Ada, email: ada@acme.example, reply_to: help@acme.example}")
    shop.sequence("three", "sender: {name: Ada again, email: ada@acme.example}")
    catalog = read_catalog(shop.project, segments=[])
    facts = sender_facts(catalog)
    assert [one.name for one in facts] == ["acme", "shop", "ada@acme.example"]
    assert [one.dkim_domain for one in facts] == ["acme.example", "acme.example", None]
    assert [one.return_domain for one in facts] == ["mail.acme.example", "xn--bcher-kva.example", "acme.example"]
    assert [one.is_identity for one in facts] == [True, True, False]
    assert server_users(catalog, facts) == {
        "eu-west": ["acme"],
        "main": ["shop", "ada@acme.example"],
        "backup": ["shop", "ada@acme.example"],
    }
