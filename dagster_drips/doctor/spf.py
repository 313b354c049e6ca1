"""SPF records (RFC 7208): whether a domain has one that receivers can follow, and how it ends.

Whether it names our mail server can't be seen from here: mail often leaves by other addresses than it was handed to.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal

from dagster_drips.doctor.report import Check, State, worst
from dagster_drips.doctor.resolver import Resolver, Unanswered

MOST_LOOKUPS = 10
"""Questions that a receiver may ask the DNS for one record (RFC 7208 4.6.4)."""

_STOP_COUNTING = 30
_TERM = re.compile(r"(?P<qualifier>[+?~-]?)(?P<name>[A-Za-z][A-Za-z0-9._-]*)(?P<rest>.*)")
_NEEDS_DOMAIN = frozenset({"include", "exists"})
_LOOKED_UP = frozenset({"include", "a", "mx", "ptr", "exists"})
_MECHANISMS = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
_CIDR = re.compile(r"(/\d{1,3})?(//\d{1,3})?")


@dataclass(frozen=True)
class Term:
    """One word of a record; `modifier` where it is `name=value`."""

    qualifier: Literal["+", "-", "~", "?"]
    name: str
    value: str
    modifier: bool = False


@dataclass
class _Walk:
    """What following a record and all that it includes has come to."""

    lookups: int = 0
    mistakes: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)


def spf_records(texts: list[str]) -> list[str]:
    """The TXT records that are SPF's (RFC 7208 4.5)."""
    return [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


def parse_spf(record: str) -> tuple[list[Term], list[str]]:
    """The terms after `v=spf1`, and what is wrong with them; a receiver gives the whole record up for one mistake."""
    terms, mistakes = [], []
    for word in record.split()[1:]:
        term = _term(word)
        if isinstance(term, str):
            mistakes.append(term)
        else:
            terms.append(term)
    if sum(term.modifier and term.name == "redirect" for term in terms) > 1:
        mistakes.append("it has redirect= twice")
    return terms, mistakes


def check_spf(subject: str, domain: str, resolver: Resolver) -> Check:
    """The record of the domain in a return path (MAIL FROM).

    Args:
        subject: the check's.
        domain: in ASCII.
        resolver: whom to ask.

    Raises:
        Unanswered: the domain itself could not be asked for.
    """
    records = spf_records(resolver.texts(domain))
    if not records:
        advice = f'publish a TXT record at {domain} like "v=spf1 include:<your mail provider> -all"'
        return Check(subject, "problem", f"{domain} has no SPF record", advice)
    if len(records) > 1:
        message = f"{domain} has {len(records)} SPF records, and receivers heed none then (RFC 7208 4.5)"
        return Check(subject, "problem", message, "make one of them")
    [record] = records
    walk = _Walk()
    ending = _follow(domain, record, walk, resolver)
    remarks: list[tuple[State, str]] = [("problem", mistake) for mistake in walk.mistakes]
    remarks.extend(("warning", text) for text in walk.unasked)
    if walk.lookups > MOST_LOOKUPS:
        text = f"it takes more than {MOST_LOOKUPS} DNS lookups to follow ({walk.lookups}), and receivers give up then"
        remarks.append(("warning", text + " (RFC 7208 4.6.4): replace some include: by ip4: and ip6:"))
    if ending == "+":
        remarks.append(("problem", "it lets everybody send for the domain: end it with -all or ~all"))
    elif ending == "?" and not walk.mistakes:
        remarks.append(("warning", "it says nothing of senders that it does not list: end it with -all or ~all"))
    if not remarks:
        return Check(subject, "ok", f"{domain}: {record}")
    return Check(
        subject, worst([state for state, _ in remarks]), f"{domain}: {record}", "; ".join(text for _, text in remarks)
    )


def _follow(domain: str, record: str, walk: _Walk, resolver: Resolver) -> str:
    """Add up lookups and mistakes; returns the qualifier for whoever is not listed."""
    terms, mistakes = parse_spf(record)
    where = f" (in {domain})" if walk.path else ""
    walk.mistakes.extend(mistake + where for mistake in mistakes)
    walk.path.append(domain)
    ending = next((term.qualifier for term in terms if term.name == "all" and not term.modifier), None)
    for term in terms:
        redirects = term.modifier and term.name == "redirect" and ending is None
        if not redirects and (term.modifier or term.name not in _LOOKED_UP):
            continue
        walk.lookups += 1
        if redirects or term.name == "include":
            target = _followed(term, walk, resolver)
            ending = target if redirects else ending
    walk.path.pop()
    return ending or "?"


def _followed(term: Term, walk: _Walk, resolver: Resolver) -> str:
    target = term.value.rstrip(".").lower()
    if "%" in target or walk.lookups > _STOP_COUNTING:
        return "-"  # a macro: its domain is known for a certain message only
    if target in walk.path:
        walk.mistakes.append(f"{term.name} of {target} leads back to itself")
        return "-"
    try:
        records = spf_records(resolver.texts(target))
    except Unanswered as reason:
        walk.unasked.append(f"what it takes from {target} could not be asked: {reason}")
        return "-"
    if len(records) != 1:
        walk.mistakes.append(f"{term.name} of {target}, which has {len(records) or 'no'} SPF record")
        return "-"
    return _follow(target, records[0], walk, resolver)


def _term(word: str) -> Term | str:
    """A word of a record, or what is wrong with it."""
    match = _TERM.fullmatch(word)
    if match is None:
        return f"'{word}' is no SPF term"
    name, rest = match["name"].lower(), match["rest"]
    if rest.startswith("=") and not match["qualifier"]:
        return (
            Term("+", name, rest[1:], modifier=True)
            if rest[1:] or name not in ("redirect", "exp")
            else f"'{word}' names no domain"
        )
    if name not in _MECHANISMS:
        return f"'{word}' is no SPF term"
    value = rest[1:] if rest.startswith(":") else ""
    if name == "all" and rest:
        return f"'{word}': all takes nothing after it"
    if name in ("ip4", "ip6"):
        return f"'{word}' holds no {name} network" if not _is_network(value, int(name[2])) else _mechanism(match, value)
    if name in _NEEDS_DOMAIN and not value:
        return f"'{word}' names no domain"
    if rest and not rest.startswith(":") and not _CIDR.fullmatch(rest):
        return f"'{word}' is no SPF term"
    return _mechanism(match, value)


def _mechanism(match: re.Match[str], value: str) -> Term:
    qualifier = match["qualifier"] or "+"
    return Term(qualifier, match["name"].lower(), value)  # ty: ignore[invalid-argument-type]


def _is_network(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_network(text, strict=False).version == version
    except ValueError:
        return False
