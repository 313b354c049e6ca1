"""DMARC (RFC 7489): the policy of the From domain, and whether SPF's and DKIM's domains speak for it.

The organisational domain is not taken from the list of public suffixes, which changes weekly, but is where the policy
is found on the way up from the From domain; a public suffix that has a policy of its own (`psd=y`, RFC 9091) is passed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dagster_drips.doctor.report import Check
from dagster_drips.doctor.resolver import Resolver

_POLICIES = {
    "none": "receivers only report what fails",
    "quarantine": "what fails goes to spam",
    "reject": "what fails is refused",
}


@dataclass(frozen=True)
class Policy:
    """What was found, and where.

    Args:
        domain: below whose `_dmarc` it stands; None where there is none.
        records: all of DMARC's records there.
        tags: of the only record, names and values in lower case.
    """

    domain: str | None = None
    records: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    def is_strict(self, tag: str) -> bool:
        """Whether `aspf` or `adkim` asks for equal domains."""
        return self.tags.get(tag) == "s"


@dataclass(frozen=True)
class Alignment:
    """The three domains, in ASCII; `dkim_domain` None: not signed here."""

    from_domain: str
    return_domain: str
    dkim_domain: str | None


def find_policy(from_domain: str, resolver: Resolver) -> Policy:
    """The policy that holds for a From domain: its own, or the nearest one above it (RFC 7489 6.6.3).

    Raises:
        Unanswered: nobody could be asked.
    """
    labels = from_domain.split(".")
    for start in range(max(len(labels) - 1, 1)):
        domain = ".".join(labels[start:])
        records = [text for text in resolver.texts(f"_dmarc.{domain}") if _tags(text).get("v") == "dmarc1"]
        if records and not (start and _tags(records[0]).get("psd") == "y"):
            return Policy(domain, tuple(records), _tags(records[0]) if len(records) == 1 else {})
    return Policy()


def check_dmarc(subject: str, from_domain: str, policy: Policy) -> Check:
    """The policy itself."""
    if policy.domain is None:
        advice = f'publish a TXT record at _dmarc.{from_domain} like "v=DMARC1; p=none; rua=mailto:dmarc@{from_domain}"'
        return Check(subject, "warning", f"{from_domain} has no DMARC record, which large providers ask for", advice)
    where = f"_dmarc.{policy.domain}"
    if len(policy.records) > 1:
        message = f"{where} has {len(policy.records)} DMARC records, and receivers heed none then"
        return Check(subject, "problem", message, "make one of them")
    inherited = policy.domain != from_domain
    asked = (policy.tags.get("sp") if inherited else None) or policy.tags.get("p", "")
    if asked not in _POLICIES:
        message = f"the record at {where} has no policy: {policy.records[0]}"
        return Check(subject, "problem", message, "give it p=none, p=quarantine or p=reject")
    return Check(subject, "ok", f"policy {asked} from {where}: {_POLICIES[asked]}")


def check_alignment(subject: str, domains: Alignment, policy: Policy) -> Check:
    """Whether a message passes DMARC: SPF's or DKIM's domain has to be the From domain's own (RFC 7489 3.1)."""
    by_spf = aligned(domains.return_domain, domains.from_domain, policy, strict=policy.is_strict("aspf"))
    signed = domains.dkim_domain
    by_dkim = signed is not None and aligned(signed, domains.from_domain, policy, strict=policy.is_strict("adkim"))
    if by_spf:
        also = f" and so does its signature by {signed}" if by_dkim else ""
        return Check(subject, "ok", f"return path {domains.return_domain} speaks for {domains.from_domain}{also}")
    message = f"return path {domains.return_domain} does not speak for {domains.from_domain}"
    if by_dkim:
        return Check(subject, "warning", f"{message}, only the signature by {signed} does", _below(domains.from_domain))
    return Check(subject, "problem", f"{message}, and no signature does: DMARC fails", _below(domains.from_domain))


def aligned(domain: str, from_domain: str, policy: Policy, *, strict: bool) -> bool:
    """Whether both are of one organisation: equal, one below the other, or both below where the policy stands."""
    if strict or domain == from_domain:
        return domain == from_domain
    if _is_below(domain, from_domain) or ("." in domain and _is_below(from_domain, domain)):
        return True
    return policy.domain is not None and _is_below(domain, policy.domain)


def _below(from_domain: str) -> str:
    return f"take a return_path at or below {from_domain}, or sign with dkim: for it"


def _is_below(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith("." + parent)


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs if name.strip()}
