"""A lead's fields for django-drip-campaigns' template, by its own extension point `DRIP_MESSAGE_CLASSES`."""

from __future__ import annotations

from typing import Any

import content
from drip.drips import DripMessage


class LeadMessage(DripMessage):
    """The template finds `lead` where every other candidate's does."""

    def build_context(self) -> dict[str, Any]:
        lead = content.lead(int(self.user.username[1:]))
        return {
            **super().build_context(),
            "lead": lead,
            "unsubscribe_url": f"mailto:help@acme.example?subject={lead['lead_id']}",
        }
