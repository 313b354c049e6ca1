"""Asking which hosts take the mail of recipients' domains, so that the marts know who runs their mailboxes.

Only the asking; the file is `pipeline.mail_exchangers`', and whose a host is, dbt's. What nobody answers stays as it
was and is asked again the next time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from dagster_drips.doctor.resolver import Resolver, Unanswered, ascii_domain
from dagster_drips.pipeline.mail_exchangers import (
    MailExchanger,
    domains_unknown_to_seeds,
    read_exchangers,
    write_exchangers,
)
from dagster_drips.project import Project

GOOD_FOR = timedelta(days=30)
"""How long an answer is taken for true: a company seldom moves its mailboxes."""
_AT_ONCE = 16


@dataclass(frozen=True)
class Asked:
    """How many domains there are that no seed names, were asked now, have an answer; and why others have none."""

    domains: int
    asked: int
    answered: int
    silence: str | None


def ask_exchangers(project: Project, resolver: Callable[[], Resolver], now: datetime, *, again: bool = False) -> Asked:
    """Ask for the MX records of all domains that were mailed, are not in the seed, and were not asked lately.

    Args:
        project: with marts published.
        resolver: makes one; each thread has its own.
        now: wall clock, naive UTC.
        again: ask for those that were asked lately, too.

    Raises:
        DripsError: nothing was published yet, or the file of answers can't be read.
    """
    known = {one.domain: one for one in read_exchangers(project)}
    domains = domains_unknown_to_seeds(project, known.values())
    due = [name for name in domains if again or name not in known or now - known[name].asked_at >= GOOD_FOR]
    answers, silence = _answers(due, resolver)
    current = {name: known[name] for name in domains if name in known}
    current |= {name: MailExchanger(name, host, now) for name, host in answers.items()}
    write_exchangers(project, current.values())
    return Asked(len(domains), len(due), len(answers), silence)


def _answers(domains: Sequence[str], resolver: Callable[[], Resolver]) -> tuple[dict[str, str | None], str | None]:
    """The preferred host of each that was answered, and why one was not."""
    own = threading.local()
    silences: list[str] = []

    def ask(domain: str) -> tuple[str, str | None] | None:
        if not hasattr(own, "resolver"):
            own.resolver = resolver()
        try:
            hosts = own.resolver.mail_exchangers(ascii_domain(domain))
        except Unanswered as error:
            silences.append(str(error))
            return None
        return domain, hosts[0].lower() if hosts and hosts[0] != "." else None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = dict(answer for answer in pool.map(ask, domains) if answer is not None)
    return answers, silences[0] if silences else None
