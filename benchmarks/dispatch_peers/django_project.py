"""A Django project in one call, for the candidates that live in Django: SQLite set up as a server's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.conf import settings


def set_up(folder: Path, port: int, apps: list[str], **more: Any) -> None:
    """Configure Django; everything it keeps lies in `folder`."""
    # Write-ahead log: a commit costs no wait for the disk.
    sqlite = {"timeout": 30, "init_command": "pragma journal_mode = wal; pragma synchronous = normal"}
    settings.configure(
        SECRET_KEY="benchmark-key-of-thirty-two-bytes",
        DEBUG=False,
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", *apps],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.sqlite3", "OPTIONS": sqlite}
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        MEDIA_ROOT=folder,
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        **more,
    )
    django.setup()
