"""Who is told, and how: targets of `project.yml`, their addresses in the environment, and apprise, which knows the way.

A target that can't be told is a reason in words, never an exception.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from pydantic import SecretStr

from dagster_drips.errors import DripsError
from dagster_drips.extras import needs
from dagster_drips.project import Project
from dagster_drips.sequences.notices import Alerts
from dagster_drips.settings import load_alert_urls, setting_name, variable_of
from dagster_drips.vocabulary import ConcernKind, ConcernLevel

Mood = Literal["failure", "warning", "success", "info"]
"""apprise's words for how a message is to look."""

_LONGEST_BODY = 4_000
"""Characters; what chats take, by and large."""
_SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Target:
    """Who is told; `url` None: the environment has no address."""

    name: str
    url: SecretStr | None
    level: ConcernLevel = "error"
    kinds: Collection[ConcernKind] | None = None
    resolved: bool = False


def targets_of(project: Project, alerts: Alerts) -> list[Target]:
    """The targets of a project.

    Raises:
        DripsError: `.env` can't be read.
    """
    urls = load_alert_urls(project)
    return [
        Target(name, urls.get(setting_name(name)), target.level, target.kinds, target.resolved)
        for name, target in alerts.targets.items()
    ]


def tell(target: Target, title: str, body: str, mood: Mood) -> str | None:
    """One message; returns why it did not get there, None where it did."""
    if target.url is None:
        return f"{variable_of('ALERT_URL', target.name)} is not set"
    url = target.url.get_secret_value()
    try:
        with needs("alerts"):
            import apprise
    except DripsError as error:
        return str(error)
    asset = apprise.AppriseAsset(app_id="dagster-drips", app_desc="dagster-drips", app_url="")
    way = apprise.Apprise(asset=asset)
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as words:
        try:
            # Text: what servers and databases said is no markup.
            taken = way.add(url) and way.notify(
                body=body[:_LONGEST_BODY],
                title=title,
                notify_type=apprise.NotifyType(mood),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:
            # Whatever a hundred services' code does, no tick ends by it.
            return _without_secrets(f"{type(error).__name__}: {error}", url)
        told = " ".join(words.getvalue().split())
    if not len(way):
        return f"{variable_of('ALERT_URL', target.name)} is no address that apprise knows"
    return None if taken else _without_secrets(told or "it was not taken", url)


def _without_secrets(words: str, url: str) -> str:
    """What may be logged: no part of the address but its scheme and what is short."""
    for part in sorted(re.split(r"[:/?&=@,]+", url)[1:], key=len, reverse=True):
        for secret in {part, unquote(part)}:
            if len(secret) >= _SHORTEST_SECRET:
                words = words.replace(secret, "…")
    return words[:500]
