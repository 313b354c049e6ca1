"""django-drip-campaigns: one drip over all active users, run by `send_drips`.

In its favour: links that nobody rewrites, and no unsubscribe links of its own to sign.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import content
from django.core.management import call_command
from django_project import set_up
from reporting import Stopwatch


def ready(folder: Path, port: int = 25) -> None:
    set_up(folder, port, ["drip"], DRIP_MESSAGE_CLASSES={"default": "drip_message.LeadMessage"})


def prepare(folder: Path, messages: int) -> None:
    ready(folder)
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from drip.models import Drip, QuerySetRule

    User.objects.bulk_create((_user(User, content.lead(number)) for number in range(messages)), batch_size=1_000)
    drip = Drip.objects.create(
        name="weekly",
        enabled=True,
        from_email=content.SENDER,
        from_email_name=content.SENDER_NAME,
        subject_template=content.SUBJECT,
        body_html_template=content.HTML.read_text(encoding="utf-8"),
    )
    QuerySetRule.objects.create(drip=drip, field_name="is_active", field_value="True")


def _user(model: Any, lead: dict[str, Any]) -> Any:
    return model(
        username=lead["lead_id"], email=lead["email"], first_name=lead["first_name"], last_name=lead["company"]
    )


def send(folder: Path, port: int, connections: int, messages: int) -> None:
    ready(folder, port)
    from drip.models import SentDrip

    watch = Stopwatch()
    call_command("send_drips")
    watch.report(SentDrip.objects.count)


if __name__ == "__main__":
    verb, root, *numbers = sys.argv[1:]
    {"prepare": prepare, "send": send}[verb](Path(root), *map(int, numbers))
