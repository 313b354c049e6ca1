"""A small project with one valid sequence, for tests to break in one place each."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_drips.project import Project

SEQUENCE = """\
name: Welcome
status: active
sender: {name: Ada, email: ada@acme.example}
trigger:
  event: signup
segments:
  include: [enterprise]
reentry: never
holdout: 0.1
goal:
  event: purchase
  within: {days: 14}
exit_on:
  events: [cancelled]
send_window:
  days: [mon, tue]
  start: "09:00"
  end: 17:00
  timezone: lead
priority: 50
topic: onboarding
steps:
  - id: welcome
    subject: "Welcome, {{ lead.first_name | default('there') }}"
    preview_text: Five minutes
    template: welcome.html
  - id: security
    delay: {days: 3}
    only_if:
      opened: welcome
    variants:
      - id: short
        weight: 1
        subject: One page
        template: short.html
      - id: long
        weight: 2
        subject: Two pages
        template: long.html
"""
"""Valid; line 1 is its name."""

TEMPLATE = """\
<html>
<body>
<p>Hi {{ lead.first_name | default('there') }}</p>
<p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
</body>
</html>
"""


class ProjectFolder:
    """A project whose files a test writes."""

    def __init__(self, root: Path):
        self.root = root
        (root / "sequences").mkdir(parents=True)
        (root / "dbt_project" / "models" / "segments").mkdir(parents=True)
        for segment in ("enterprise", "customers"):
            self.write(f"dbt_project/models/segments/{segment}.sql", "select 1 as lead_id")

    @property
    def project(self) -> Project:
        return Project.at(self.root)

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def sequence(self, text: str = SEQUENCE, sequence_id: str = "welcome") -> None:
        """Write a sequence.yml and the templates that `SEQUENCE` names."""
        self.write(f"sequences/{sequence_id}/sequence.yml", text)
        for name in ("welcome", "short", "long"):
            if not (self.root / f"sequences/{sequence_id}/{name}.html").exists():
                self.write(f"sequences/{sequence_id}/{name}.html", TEMPLATE)


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project")
