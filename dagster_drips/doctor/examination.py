"""All questions in their order: settings, project, mail servers, senders, links, hooks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from dagster_drips.addresses import is_reserved
from dagster_drips.collector.events.hooks_config import load_hooks
from dagster_drips.doctor.bucket import check_bucket
from dagster_drips.doctor.place import check_place
from dagster_drips.doctor.report import Check
from dagster_drips.doctor.resolver import Resolver
from dagster_drips.doctor.sender_facts import SenderFacts
from dagster_drips.doctor.senders import check_sender, sender_facts, server_users
from dagster_drips.doctor.servers import check_servers
from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import read_catalog, read_project_settings
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.settings import Settings, load_settings, setting_name, variable_of


def examine(project: Project, resolver: Resolver) -> Iterator[Check]:
    """Look at everything, one answer after the other as they come.

    Settings that can't be read are a problem of their own; what depends on them is left out then.
    """
    settings: Settings | None = None
    try:
        settings = load_settings(project)
    except DripsError as error:
        yield Check("settings", "problem", str(error), "fix it; servers, keys and links were not looked at")
    if settings:
        for name, value in settings.shown().items():
            yield Check(name, "ok", value or "not set")
    catalog = read_catalog(project, segments=segment_names(project))
    yield from check_place(project, catalog)
    facts = sender_facts(catalog)
    if settings:
        yield from check_servers(settings.smtp_servers, server_users(catalog, facts))
        yield from _unused_keys(settings, {setting_name(one.name) for one in facts if one.is_identity})
        asked = facts if resolver.is_chosen else [one for one in facts if not is_reserved(one.email)]
        yield from check_examples([one for one in facts if one not in asked])
        for one in asked:
            yield from check_sender(one, settings.dkim_key_of(one.name) if one.is_identity else None, resolver)
        if settings.object_store_url is not None:
            yield check_bucket(project, settings)
        yield check_links(settings)
        yield from check_hooks(project, settings)
        yield from check_alerts(project, settings)


def check_examples(senders: list[SenderFacts]) -> Iterator[Check]:
    """Senders at domains that are reserved for examples, of which no DNS knows anything: one answer for all of them."""
    if senders:
        names = ", ".join(one.name for one in senders)
        message = f"{names}: no DNS knows a domain reserved for examples (RFC 2606), and nobody real gets mail from it"
        advice = "give them addresses of yours in sequences/senders.yml"
        if not all(one.is_identity for one in senders):
            advice = "give them addresses of yours, where they are named in sequences/"
        yield Check("senders at example domains", "warning", message, advice)


def check_links(settings: Settings) -> Check:
    """Where links in messages lead: https (RFC 8058 3.1), signed with keys that can't be guessed."""
    subject, url = "links", settings.public_url
    if url is None:
        message = "DRIPS_PUBLIC_URL is not set: no tracking, and unsubscribing takes a mail instead of a click"
        return Check(
            subject,
            "warning",
            message,
            "set it to where `drips collect` is reached: large providers ask for one click (RFC 8058)",
        )
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        message = f"{url} is not https, so mail programs show no unsubscribe button (RFC 8058)"
        return Check(subject, "problem", message, "serve it by https")
    if not settings.secret_keys:
        return Check(subject, "problem", "links can't be signed", "set DRIPS_SECRET_KEYS")
    return Check(subject, "ok", f"{url}, links are signed")


def check_hooks(project: Project, settings: Settings) -> Iterator[Check]:
    """Hooks whose secret is not set, and secrets of no hook; a `hooks.yml` with mistakes is up to `drips validate`."""
    try:
        hooks = load_hooks(project)
    except (DripsError, UnicodeDecodeError):
        return
    for name, hook in hooks.items():
        if not hook.open and settings.hook_secret_of(name) is None:
            yield Check(
                variable_of("HOOK_SECRET", name), "warning", "not set", f"/hooks/{name} answers 503 until it is"
            )
    for name in sorted(set(settings.hook_secrets) - {setting_name(name) for name in hooks}):
        message = "no hook in sequences/hooks.yml has this name"
        yield Check(variable_of("HOOK_SECRET", name), "warning", message, "rename or remove it")


def check_alerts(project: Project, settings: Settings) -> Iterator[Check]:
    """Targets of alerts without an address, and addresses of no target; whether one works is `drips alert --test`'s."""
    alerts = read_project_settings(project).alerts
    targets = list(alerts.targets) if alerts else []
    for name in targets:
        if setting_name(name) not in settings.alert_urls:
            message = f"target {name} of alerts in sequences/project.yml is told nothing until it is"
            yield Check(variable_of("ALERT_URL", name), "warning", "not set", message)
    for name in sorted(set(settings.alert_urls) - {setting_name(name) for name in targets}):
        message = "no target of alerts in sequences/project.yml has this name"
        yield Check(variable_of("ALERT_URL", name), "warning", message, "rename or remove it")


def _unused_keys(settings: Settings, identities: set[str]) -> Iterator[Check]:
    for name in sorted(set(settings.dkim_keys) - identities):
        variable = variable_of("DKIM_KEY", name)
        yield Check(variable, "warning", "no identity in sequences/senders.yml has this name", "rename or remove it")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
