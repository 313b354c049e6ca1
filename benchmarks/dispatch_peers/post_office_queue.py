"""django-post_office: render and queue with `send_many`, then `send_queued_mail` on two processes.

In its favour: a larger batch than its default, the template object kept, as many threads as we have connections, and
links that nobody rewrites.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import content
from django.core.management import call_command
from django_project import set_up
from reporting import Stopwatch

PROCESSES = 2
QUEUED_AT_ONCE = 1_000


def ready(folder: Path, port: int = 25, connections: int = 1) -> None:
    # Its own log goes to the terminal line by line.
    logging.disable(logging.INFO)
    set_up(
        folder,
        port,
        ["post_office"],
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        POST_OFFICE={"BATCH_SIZE": QUEUED_AT_ONCE, "THREADS_PER_PROCESS": max(1, connections // PROCESSES)},
    )


def prepare(folder: Path, messages: int) -> None:
    ready(folder)
    call_command("migrate", verbosity=0)
    from post_office.models import EmailTemplate

    EmailTemplate.objects.create(
        name="newsletter",
        subject=content.SUBJECT,
        content=content.TEXT.read_text(encoding="utf-8"),
        html_content=content.HTML.read_text(encoding="utf-8"),
    )


def send(folder: Path, port: int, connections: int, messages: int) -> None:
    ready(folder, port, connections)
    from post_office import mail
    from post_office.models import STATUS, Email, EmailTemplate

    watch = Stopwatch()
    template = EmailTemplate.objects.get(name="newsletter")
    for first in range(0, messages, QUEUED_AT_ONCE):
        leads = [content.lead(number) for number in range(first, min(first + QUEUED_AT_ONCE, messages))]
        mail.send_many(
            [
                {
                    "recipients": lead["email"],
                    "sender": f"{content.SENDER_NAME} <{content.SENDER}>",
                    "template": template,
                    "context": {"lead": lead, "unsubscribe_url": f"mailto:help@acme.example?subject={lead['lead_id']}"},
                }
                for lead in leads
            ]
        )
    watch.lap("render and queue")
    call_command("send_queued_mail", processes=min(PROCESSES, os.cpu_count() or 1), lockfile=str(folder / "lock"))
    watch.lap("send")
    watch.report(lambda: Email.objects.filter(status=STATUS.sent).count())


if __name__ == "__main__":
    verb, root, *numbers = sys.argv[1:]
    {"prepare": prepare, "send": send}[verb](Path(root), *map(int, numbers))
