"""DKIM's public half: the record in the DNS (RFC 6376 3.6.1) beside the private key in the settings."""

from __future__ import annotations

import base64
import binascii

from dkim.crypto import UnparsableKeyError, parse_public_key
from dkim.util import InvalidTagValueList, parse_tag_value
from pydantic import SecretStr

from dagster_drips.doctor.report import Check
from dagster_drips.doctor.resolver import Resolver, Unanswered
from dagster_drips.doctor.sender_facts import SenderFacts
from dagster_drips.errors import DripsError
from dagster_drips.message.dkim import Signer

_BITS_ADVISED = 2048


def check_dkim(subject: str, facts: SenderFacts, key: SecretStr | None, resolver: Resolver) -> tuple[bool, Check]:
    """Whether its messages are signed so that receivers can check it.

    Returns:
        Whether they are signed here at all, and the check.
    """
    if facts.dkim_selector is None or facts.dkim_domain is None:
        here = f"give {facts.name} a dkim:" if facts.is_identity else "make it an identity with dkim:"
        advice = f"unless the mail server signs, {here} in sequences/senders.yml"
        return False, Check(subject, "warning", "messages are not signed here", advice)
    if key is None:
        advice = f"set {facts.key_variable} to the PEM text or file of its private key"
        return False, Check(subject, "problem", "the private key is missing", advice)
    try:
        signer = Signer(facts.dkim_domain, facts.dkim_selector, key.get_secret_value())
    except DripsError as error:
        return False, Check(subject, "problem", str(error), f"fix {facts.key_variable}")
    try:
        texts = resolver.texts(signer.record_name)
    except Unanswered as reason:
        message = f"the DNS could not be asked: {reason}"
        return True, Check(subject, "warning", message, "try again, or name one by --resolver")
    return True, compare(subject, signer, texts)


def compare(subject: str, signer: Signer, texts: list[str]) -> Check:
    """What is published at the selector, against what we sign with."""
    publish = f'publish a TXT record at {signer.record_name}: "{signer.record}"'
    if not texts:
        return Check(subject, "problem", f"there is no record at {signer.record_name}", publish)
    if len(texts) > 1:
        message = f"there are {len(texts)} records at {signer.record_name}, and which one counts is up to receivers"
        return Check(subject, "problem", message, "leave one of them")
    try:
        tags = {name.decode(): value.decode() for name, value in parse_tag_value(texts[0].encode()).items()}
    except (InvalidTagValueList, UnicodeDecodeError):
        return Check(subject, "problem", f"the record at {signer.record_name} can't be read", publish)
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return Check(subject, "problem", f"the record at {signer.record_name} is none of DKIM's", publish)
    published = "".join(tags["p"].split())
    if not published:
        return Check(subject, "problem", f"the key at {signer.record_name} is revoked (p= is empty)", publish)
    if tags.get("k", "rsa").strip() != signer.algorithm or not _same_key(signer, published):
        message = f"the key at {signer.record_name} is not that of our private key, so every signature fails"
        return Check(subject, "problem", message, publish)
    if "h" in tags and "sha256" not in [name.strip() for name in tags["h"].split(":")]:
        return Check(
            subject, "problem", f"the record at {signer.record_name} allows no sha256 (h={tags['h']})", publish
        )
    if "s" in tags and not {"*", "email"} & {name.strip() for name in tags["s"].split(":")}:
        return Check(subject, "problem", f"the record at {signer.record_name} is not for mail (s={tags['s']})", publish)
    if "y" in [flag.strip() for flag in tags.get("t", "").split(":")]:
        message = f"the record at {signer.record_name} says that signing is only tried out (t=y)"
        return Check(subject, "warning", message, "take t=y out")
    if signer.algorithm == "rsa" and signer.bits < _BITS_ADVISED:
        message = f"the key of {signer.bits} bits is short"
        return Check(subject, "warning", message, f"make one of {_BITS_ADVISED} under a new selector (RFC 8301)")
    return Check(subject, "ok", f"{signer.record_name} has the public key of our {signer.algorithm} key")


def _same_key(signer: Signer, published: str) -> bool:
    """Compared as numbers: an RSA key may be published in either of two forms (RFC 6376, erratum 3017)."""
    if published == signer.public_key:
        return True
    if signer.algorithm != "rsa":
        return False
    try:
        ours, theirs = (parse_public_key(base64.b64decode(text)) for text in (signer.public_key, published))
    except (UnparsableKeyError, binascii.Error, IndexError, ValueError, AssertionError):
        return False
    return ours == theirs
