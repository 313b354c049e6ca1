"""Sending a report: by the project's own servers, to each address once a week, or to somebody who tries it.

Whom a week's report went to is on disk before it goes out (`due`), so that a restart or a second schedule sends none
twice. It is in no delivery journal and no statistic; `DRIPS_ONLY_TO` and the project's place hold as for all mail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dagster_drips.clock import utc_now
from dagster_drips.delivery.place import require_place
from dagster_drips.delivery.routes import Route
from dagster_drips.delivery.single import NotTaken, allowed_recipient, hand_over, require_reach, way_of
from dagster_drips.errors import DripsError
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.locks import exclusive
from dagster_drips.message.content import RenderedMessage
from dagster_drips.message.encoding import base64_lines
from dagster_drips.message.mime import AddressError, File, OutgoingMessage, Sender, build_message
from dagster_drips.message.precompiled_body import plain
from dagster_drips.project import Project
from dagster_drips.report.charts import Chart, charts_of
from dagster_drips.report.due import digest, read_sent, write_sent
from dagster_drips.report.numbers import read_numbers
from dagster_drips.report.page import content_id, html_of, subject_of
from dagster_drips.report.weeks import Week
from dagster_drips.sequences.catalog import Catalog, read_catalog, read_project_settings
from dagster_drips.sequences.notices import Report
from dagster_drips.sequences.schema import Sender as NamedSender
from dagster_drips.sequences.segment_files import segment_names
from dagster_drips.settings import Settings
from dagster_drips.templating.plain_text import plain_text

_NAMES = ("report", "weekly")
"""What stands in the headers where a lead's mail has its sequence and step."""
_LOCK_SECONDS = 60.0


@dataclass
class Sending:
    """What became of a week's report: whom it went to now, who has it already, whom `DRIPS_ONLY_TO` keeps it from."""

    week: Week
    sent: list[str] = field(default_factory=list)
    had: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def page(project: Project, week: Week) -> str:
    """A week's report as one HTML file, pictures in it.

    Raises:
        DripsError: nothing is published yet.
    """
    numbers = read_numbers(project, week)
    return html_of(numbers, charts_of(numbers), project=project.root.name, inline=True)


def send_weekly(project: Project, settings: Settings, week: Week) -> Sending:
    """Send a week's report to whom `report.to` names and who has not got it.

    Raises:
        DripsError: there is no `report` or no sender, nothing is published, or the project is a copy.
    """
    report = _report_of(project)
    require_place(project)
    done = Sending(week)
    with exclusive(project.journal / "reports.lock", wait_seconds=_LOCK_SECONDS):
        known = read_sent(project, week)
        allowed = [to for to in dict.fromkeys(report.to) if settings.only_to.allows(to)]
        done.held = [to for to in report.to if to not in allowed]
        done.had = [to for to in allowed if known.knows(to)]
        lacking = [to for to in allowed if to not in done.had]

        def keep(to: str, state: str | None) -> None:
            if state is None:
                known.recipients.pop(digest(to), None)
            else:
                known.recipients[digest(to)] = state
            write_sent(project, week, known)

        if lacking:
            _send(project, settings, week, lacking, done, keep)
    return done


def send_once(project: Project, settings: Settings, week: Week, to: str) -> Sending:
    """Send a week's report to one address, as often as it is asked for: to try it.

    Raises:
        DripsError: there is no sender, nothing is published, or the address is none of `DRIPS_ONLY_TO`.
    """
    done = Sending(week)
    _send(project, settings, week, [allowed_recipient(settings, to)], done, lambda _to, _state: None)
    return done


def _send(
    project: Project,
    settings: Settings,
    week: Week,
    recipients: Sequence[str],
    done: Sending,
    keep: Callable[[str, str | None], None],
) -> None:
    numbers = read_numbers(project, week)
    charts = charts_of(numbers)
    html = html_of(numbers, charts, project=project.root.name, inline=False)
    rendered = RenderedMessage(subject_of(numbers, project.root.name), plain(html), plain(plain_text(html)))
    catalog = read_catalog(project, segments=segment_names(project))
    sender = _sender_of(catalog)
    with way_of(catalog, settings, sender.email) as (route, routes):
        for to in recipients:
            try:
                recipient = allowed_recipient(settings, to)
                require_reach(route, recipient)
                message = _message(rendered, week, charts, sender, recipient, route)
            except DripsError as error:
                done.problems.append(f"{to}: {error}")
                continue
            keep(to, "claimed")
            try:
                hand_over(message, route, routes)
            except NotTaken as error:
                keep(to, None)
                done.problems.append(f"{to}: {error}; it is tried again")
            except DripsError as error:
                # A server that refused it does so again, and one that was lost may have it.
                done.problems.append(f"{to}: {error}; it is not tried again")
            else:
                keep(to, "sent")
                done.sent.append(to)


def _message(
    rendered: RenderedMessage, week: Week, charts: Sequence[Chart], sender: NamedSender, recipient: str, route: Route
) -> OutgoingMessage:
    # The same one for the same reader and week: mail programs show what came twice once.
    message_id = f"report-{week}-{digest(recipient)[:16]}"
    sequence_id, step_id = _NAMES
    try:
        return build_message(
            rendered,
            message_id=message_id,
            sequence_id=sequence_id,
            step_id=step_id,
            sender=Sender(sender.email, sender.name, sender.reply_to, route.return_path, verp=False),
            recipient=recipient,
            links=LinkMaker().of_message(message_id, replies_to=sender.reply_to or sender.email),
            date=utc_now(),
            headers={"X-Drips-Report": str(week)},
            files=[File(chart.name, "image/png", base64_lines(chart.png), content_id(chart)) for chart in charts],
            sign=route.signer.sign if route.signer else None,
        )
    except AddressError as error:
        raise DripsError(f"the mail can't be made: {error}") from error


def _sender_of(catalog: Catalog) -> NamedSender:
    sender = catalog.senders.resolved(None, catalog.settings.sender)
    if sender is None:
        raise DripsError("the report has no sender: give a default one in sequences/senders.yml or project.yml")
    return sender


def _report_of(project: Project) -> Report:
    report = read_project_settings(project).report
    if report is None:
        raise DripsError(
            "has no report: write whom it goes to under report: (docs/report.md)",
            file=project.sequences / "project.yml",
        )
    return report
