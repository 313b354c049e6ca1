"""What every candidate sends, and to whom: one newsletter, and made-up leads by number."""

from __future__ import annotations

from pathlib import Path

SENDER = "ada@acme.example"
SENDER_NAME = "Ada Lovelace"
SUBJECT = "{{ lead.first_name }}, your week at {{ lead.company }}"
HTML = Path(__file__).with_name("newsletter.html")
"""10 KB with a style block and eight web links; Jinja and Django read it alike."""
TEXT = Path(__file__).with_name("newsletter.txt")
"""The same as plain text, for those that don't derive it from the HTML themselves."""


def lead(number: int) -> dict[str, str | int]:
    """One lead; `leads.sql` makes the same."""
    return {
        "lead_id": f"L{number:07d}",
        "email": f"lead{number}@mail{number % 20}.example",
        "first_name": ("Ada", "Grace", "Zoë", "Linus", "Øyvind")[number % 5],
        "company": f"Company {number % 997} & Sons",
        "city": ("London", "Zürich", "Oslo", "Lisbon")[number % 4],
        "plan": ("free", "team", "pro")[number % 3],
        "seats": number % 90 + 2,
        "tasks_done": number % 140,
        "hours_saved": number % 23,
    }
