"""DKIM signatures, checked by verifiers of their own: Perl's Mail::DKIM, which shares no code with us, and dkimpy."""

import base64
import hashlib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dkim
import pytest
from dkim.canonicalization import Relaxed
from dns_server import DnsServer
from hypothesis import example, given
from hypothesis import strategies as st

from dagster_drips.errors import DripsError
from dagster_drips.message.dkim import SIGNED_HEADERS, Signer, relaxed_body

MESSAGE = (
    b"From: =?utf-8?q?Ad=C3=A9la?= <ada@acme.example>\r\n"
    b"To: bob@example.org\r\n"
    b"Subject: Welcome,   Bob\r\n"
    b"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n"
    b"Message-ID: <m1@acme.example>\r\n"
    b"X-Drips-Step: hello\r\n"
    b"List-Unsubscribe: <https://mail.acme.example/u/abc>,\r\n <mailto:help@acme.example?subject=unsubscribe%20m1>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative;\r\n boundary="=_x"\r\n'
    b"\r\n"
    b"--=_x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi Bob,  see the guide \r\n.dots\r\n\r\n--=_x--\r\n\r\n"
)


def made_key(*arguments: str) -> str:
    try:
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        pytest.skip("openssl is not installed")


@pytest.fixture(scope="module")
def rsa_key() -> str:
    return made_key("genrsa", "2048")


@pytest.fixture(scope="module")
def verdict():
    """What Mail::DKIM says of a message, the signer's record being the only one in the DNS."""
    try:
        probe = subprocess.run(["perl", "-MMail::DKIM::Verifier", "-e", "1"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("perl is not installed")
    if probe.returncode:
        pytest.skip("Mail::DKIM for perl is not installed (Debian: libmail-dkim-perl)")

    def verify(signer: Signer, message: bytes) -> str:
        script = Path(__file__).with_name("verify_dkim.pl")
        with DnsServer({(signer.record_name, "TXT"): [signer.record]}) as server:
            command = ["perl", str(script), str(server.port)]
            return subprocess.run(command, input=message, check=True, capture_output=True).stdout.decode().strip()

    return verify


def test_another_verifier_takes_the_signature(rsa_key, verdict):
    signer = Signer("acme.example", "drips", rsa_key)
    assert verdict(signer, signer.sign(MESSAGE)) == "pass"


@pytest.mark.parametrize("bits", ["1024", "2048", "4096"])
def test_dkimpy_takes_the_signature(bits):
    signer = Signer("acme.example", "drips", made_key("genrsa", bits))
    records = {f"{signer.record_name}.".encode(): signer.record.encode()}

    def is_taken(message: bytes) -> bool:
        return dkim.verify(message, dnsfunc=lambda name, timeout=5: records.get(name))

    signed = signer.sign(MESSAGE)
    assert dkim.verify(signed, dnsfunc=lambda name, timeout=5: records.get(name))
    assert not dkim.verify(
        signed.replace(b"see the guide", b"see a guide"), dnsfunc=lambda name, timeout=5: records.get(name)
    )


NEWSLETTER = (
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_aus_K=C3=B6ln?=\r\nTo:bob@example.org\r\n"
    b"From:   Ada\t <ada@acme.example> \r\nX-Other: 1\r\nTo: eve@example.org\r\n\r\n"
    + b"many words,  and \t more of them \t\r\n" * 500
    + b"\r\n \r\n\r\n"
)


@pytest.mark.parametrize("message", [MESSAGE, NEWSLETTER], ids=["short", "long"])
def test_the_signature_is_dkimpys_byte_for_byte(rsa_key, monkeypatch, message):
    monkeypatch.setattr("time.time", lambda: 1_772_442_000.75)
    ours = Signer("acme.example", "drips", rsa_key).sign(message)
    theirs = dkim.sign(
        message,
        b"drips",
        b"acme.example",
        rsa_key.encode(),
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=SIGNED_HEADERS,
    )
    assert ours == theirs + message


@given(body=st.text("ab \t\r\n.", max_size=60).map(str.encode))
@example(body=b"")
@example(body=b"\r\n" * 3)
@example(body=b"a \t" * 40 + b"\r\n \r\n\t\r\n")
def test_a_body_is_relaxed_as_dkimpy_relaxes_it(body):
    assert relaxed_body(body) == Relaxed.canonicalize_body(body)


def test_a_key_in_the_older_form_signs_as_well(verdict):
    signer = Signer("acme.example", "drips", made_key("genrsa", "-traditional", "2048"))
    assert verdict(signer, signer.sign(MESSAGE)) == "pass"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"see the guide", b"see the guidf"),
        (b"Subject: Welcome", b"Subject: welcome"),
        (b"ada@acme", b"adb@acme"),
        (b"One-Click", b"One-Clack"),
        (b"/u/abc", b"/u/abd"),
        (b"\r\nTo: bob", b"\r\nReply-To: eve@example.net\r\nTo: bob"),
        (b"\r\nTo: bob", b"\r\nFrom: eve@example.net\r\nTo: bob"),
    ],
    ids=["body", "subject", "from", "unsubscribe-post", "unsubscribe", "a reply-to put in", "a second from put in"],
)
def test_a_changed_message_fails(rsa_key, verdict, old, new):
    signer = Signer("acme.example", "drips", rsa_key)
    signed = signer.sign(MESSAGE)
    assert old in signed
    assert verdict(signer, signed.replace(old, new, 1)).startswith("fail")


def test_what_servers_may_do_to_white_space_breaks_nothing(rsa_key, verdict):
    signer = Signer("acme.example", "drips", rsa_key)
    signed = (
        signer.sign(MESSAGE)
        .replace(b"Welcome,   Bob", b"Welcome, Bob")
        .replace(b"\r\n\r\n--=_x--\r\n\r\n", b"\r\n\r\n--=_x--\r\n")
    )
    assert verdict(signer, signed) == "pass"


def hashed_headers(signed: bytes) -> tuple[bytes, bytes]:
    """What RFC 6376 3.7 has signed of MESSAGE's headers, relaxed, and the signature."""
    headers: dict[bytes, list[bytes]] = {}
    for line in re.split(rb"\r\n(?![ \t])", signed.split(b"\r\n\r\n")[0]):
        name, value = line.split(b":", 1)
        headers.setdefault(name.strip().lower(), []).append(re.sub(rb"[ \t\r\n]+", b" ", value).strip())
    [own] = headers[b"dkim-signature"]
    unsigned, signature = re.split(rb"(?<=[; ]b=)", own)
    lines = [name + b":" + headers[name].pop() + b"\r\n" for name in SIGNED_HEADERS if headers.get(name)]
    return b"".join(lines) + b"dkim-signature:" + unsigned, base64.b64decode(signature.replace(b" ", b""))


def test_openssl_takes_an_ed25519_signature(tmp_path):
    # Debian's Mail::DKIM knows RSA only, and dkimpy asks PyNaCl, which isn't installed.
    key = made_key("genpkey", "-algorithm", "ed25519")
    headers, signature = hashed_headers(Signer("acme.example", "drips", key).sign(MESSAGE))
    names = ("key.pem", "hash", "signature")
    for name, content in zip(names, (key.encode(), hashlib.sha256(headers).digest(), signature), strict=True):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-inkey", "key.pem", "-in", "hash", "-sigfile", "signature"]
    verified = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert verified.returncode == 0, verified.stderr


def test_the_message_stays_byte_for_byte_behind_its_signature(rsa_key):
    signed = Signer("acme.example", "drips", rsa_key).sign(MESSAGE)
    assert signed.startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=acme.example;")
    assert signed.endswith(b"\r\n" + MESSAGE)
    header = signed[: -len(MESSAGE)]
    assert max(len(line) for line in header.split(b"\r\n")) <= 78
    names = re.search(rb"h=(.*?);", header, re.DOTALL)
    assert names is not None
    assert tuple(names[1].split()[::2]) == SIGNED_HEADERS


def test_a_message_beyond_ascii_is_signed_as_it_is(rsa_key, verdict):
    signer = Signer("acme.example", "drips", rsa_key)
    message = MESSAGE.replace(b"To: bob@", "To: jörg@".encode())
    assert verdict(signer, signer.sign(message)) == "pass"


def test_an_international_domain_signs_in_ascii(rsa_key, verdict):
    signer = Signer("bücher.example", "drips", rsa_key)
    assert signer.record_name == "drips._domainkey.xn--bcher-kva.example"
    assert verdict(signer, signer.sign(MESSAGE.replace(b"@acme.", b"@xn--bcher-kva."))) == "pass"


def test_threads_share_one_signer(rsa_key, verdict):
    signer = Signer("acme.example", "drips", rsa_key)
    messages = [MESSAGE.replace(b"Hi Bob", b"Hi %d" % number) for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        signed = list(pool.map(signer.sign, messages))
    assert len({message[: -len(MESSAGE)] for message in signed}) == len(messages)
    assert {verdict(signer, message) for message in signed[:3]} == {"pass"}


def test_the_record_holds_what_openssl_says_is_the_public_key(rsa_key):
    command = ["openssl", "rsa", "-pubout", "-outform", "DER"]
    public = subprocess.run(command, input=rsa_key.encode(), check=True, capture_output=True).stdout
    assert Signer("acme.example", "drips", rsa_key).record == f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def test_the_record_holds_the_bare_ed25519_key():
    key = made_key("genpkey", "-algorithm", "ed25519")
    command = ["openssl", "pkey", "-pubout", "-outform", "DER"]
    public = subprocess.run(command, input=key.encode(), check=True, capture_output=True).stdout
    signer = Signer("acme.example", "drips", key)
    assert signer.record == f"v=DKIM1; k=ed25519; p={base64.b64encode(public[-32:]).decode()}"
    assert repr(signer) == "Signer('acme.example', 'drips', ed25519 256)"


@pytest.mark.parametrize(
    "spoiled", [b"no header\r\n\r\nx\r\n", b" folded\r\n\r\nx\r\n", b"To: a@b.example\r\n\r\nx\r\n"]
)
def test_a_message_without_a_from_is_refused_not_sent_unsigned(rsa_key, spoiled):
    with pytest.raises(DripsError, match=r"can't be signed for acme\.example"):
        Signer("acme.example", "drips", rsa_key).sign(spoiled + b"\r\n\r\nx\r\n")


def damaged(key: str) -> str:
    lines = key.splitlines()
    lines[22] = lines[22][::-1]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda key: "s3cret", "not a private key"),
        (lambda key: key[: len(key) // 2], "not a private key"),
        (lambda key: key.replace("\nMII", "\n*MII", 1), "no base64"),
        (lambda key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no RSA and no Ed25519"),
        (lambda key: "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "no RSA and no Ed25519"),
        (damaged, "damaged"),
        (lambda key: made_key("genrsa", "-traditional", "512"), "too short: 512 bits"),
        (lambda key: made_key("genrsa", "-aes128", "-passout", "pass:x", "2048"), "protected by a passphrase"),
        (lambda key: made_key("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "no RSA"),
    ],
    ids=["text", "half", "characters", "short", "empty", "damaged", "512 bits", "passphrase", "elliptic"],
)
def test_a_key_that_cant_be_used_is_one_clear_error_that_never_shows_it(rsa_key, spoil, words):
    with pytest.raises(DripsError, match=words) as refused:
        Signer("acme.example", "drips", spoil(rsa_key))
    assert "\n" not in str(refused.value)
    assert "MII" not in str(refused.value)
    assert rsa_key.splitlines()[5] not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_key_shows_where_a_signer_is_printed(rsa_key):
    signer = Signer("acme.example", "drips", rsa_key)
    assert repr(signer) == "Signer('acme.example', 'drips', rsa 2048)"
