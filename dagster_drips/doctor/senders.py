"""One sender's standing with receivers: SPF, DKIM, DMARC, their alignment, and whether answers and bounces come back.

What a sender is stands in `senders.yml` or inline in a sequence; `sender_facts` brings both into one form.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import SecretStr

from dagster_drips.addresses import address_of
from dagster_drips.doctor.dkim_record import check_dkim
from dagster_drips.doctor.dmarc import Alignment, check_alignment, check_dmarc, find_policy
from dagster_drips.doctor.report import Check
from dagster_drips.doctor.resolver import Resolver, Unanswered
from dagster_drips.doctor.sender_facts import SenderFacts, domain_of
from dagster_drips.doctor.spf import check_spf
from dagster_drips.sequences.catalog import Catalog
from dagster_drips.settings import DEFAULT_SERVER


def sender_facts(catalog: Catalog) -> list[SenderFacts]:
    """Every identity, then every inline sender whose address is no identity's, each address once."""
    senders = catalog.senders
    common = tuple(senders.servers or (DEFAULT_SERVER,))
    found = {}
    for name, identity in senders.senders.items():
        dkim = identity.dkim
        found[identity.address] = SenderFacts(
            name=name,
            email=identity.email,
            reply_to=identity.reply_to,
            return_path=identity.return_path,
            servers=tuple(identity.servers or common),
            dkim_selector=dkim.selector if dkim else None,
            dkim_domain=(dkim.domain or domain_of(identity.email)) if dkim else None,
            is_identity=True,
        )
    for source in catalog.sources.values():
        sender = source.sequence.sender
        if sender is not None and not isinstance(sender, str):
            inline = SenderFacts(sender.email, sender.email, sender.reply_to, servers=common)
            found.setdefault(address_of(sender.email), inline)
    return list(found.values())


def server_users(catalog: Catalog, facts: list[SenderFacts]) -> dict[str, list[str]]:
    """Server name → who sends by it."""
    users: dict[str, list[str]] = {}
    for one in facts:
        for name in one.servers:
            users.setdefault(name, []).append(one.name)
    for name in catalog.senders.servers or ():
        users.setdefault(name, ["senders.yml"])
    return users


def check_sender(facts: SenderFacts, key: SecretStr | None, resolver: Resolver) -> Iterator[Check]:
    """SPF, DKIM, DMARC, alignment and both ways back of one sender.

    Args:
        facts: the sender.
        key: its private key, PEM text; None where none is set.
        resolver: whom to ask.
    """
    subject = f"sender {facts.name}"
    try:
        yield check_spf(f"{subject}: SPF", facts.return_domain, resolver)
    except Unanswered as reason:
        yield not_asked(f"{subject}: SPF", reason)
    signed, check = check_dkim(f"{subject}: DKIM", facts, key, resolver)
    yield check
    try:
        policy = find_policy(facts.from_domain, resolver)
        yield check_dmarc(f"{subject}: DMARC", facts.from_domain, policy)
        alignment = Alignment(facts.from_domain, facts.return_domain, facts.dkim_domain if signed else None)
        yield check_alignment(f"{subject}: alignment", alignment, policy)
    except Unanswered as reason:
        yield not_asked(f"{subject}: DMARC", reason)
    ways = {"replies": facts.reply_domain, "bounces": facts.return_domain}
    if facts.reply_domain == facts.return_domain:
        ways = {"replies and bounces": facts.reply_domain}
    for what, domain in ways.items():
        try:
            yield check_way_back(f"{subject}: {what}", domain, resolver)
        except Unanswered as reason:
            yield not_asked(f"{subject}: {what}", reason)


def check_way_back(subject: str, domain: str, resolver: Resolver) -> Check:
    """Whether the domain takes mail (RFC 5321 5.1, RFC 7505).

    Raises:
        Unanswered: nobody could be asked.
    """
    exchangers = resolver.mail_exchangers(domain)
    if exchangers == ["."]:
        return Check(subject, "problem", f"{domain} says that it takes no mail (RFC 7505)", "use an address that does")
    if exchangers:
        return Check(subject, "ok", f"{domain} is served by {', '.join(exchangers)}")
    if resolver.has_address(domain):
        message = f"{domain} has no MX record, only an address, which some servers don't mail to"
        return Check(subject, "warning", message, f"publish an MX record at {domain}")
    message = f"{domain} has no MX record, so what is sent there comes back"
    return Check(subject, "problem", message, f"publish an MX record at {domain}, or use another domain")


def not_asked(subject: str, reason: Unanswered) -> Check:
    """The answer where the DNS gave none."""
    return Check(subject, "warning", f"the DNS could not be asked: {reason}", "try again, or name one by --resolver")
