"""What the mails of a tick say: rendered as for sending, and not sent.

Templates, links and what a template sees are the same as in `delivery`; only that nothing is tracked, so that a link in
a mail leads where its author wrote that it does.
"""

from __future__ import annotations

import html as markup
import re
from dataclasses import dataclass
from pathlib import Path

from dagster_drips.delivery.composer import rendered_message
from dagster_drips.delivery.due_reader import read_due
from dagster_drips.links.message_links import LinkMaker
from dagster_drips.links.tokens import Tokens
from dagster_drips.templating.rendering import RenderError
from dagster_drips.templating.templates import TemplateCache
from dagster_drips.warehouse import Warehouse
from dagster_drips.warehouse.statements import named_statements

_STATEMENTS = named_statements(Path(__file__).parents[1] / "delivery" / "due_messages.sql")
_PUBLIC_URL = "https://links.example"
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Mail:
    """A rendered mail, white space as single spaces; `error` says why it can't be made, and is empty where it can."""

    subject: str = ""
    html: str = ""
    text: str = ""
    error: str = ""

    def contains(self, fragment: str) -> bool:
        """Whether it stands in the text or the HTML, as written there or as readers see it."""
        wanted = _plain(fragment)
        return any(wanted in part for part in (self.text, self.html, markup.unescape(self.html)))


class MailRoom:
    """Renders what is due; keeps compiled templates from tick to tick, by the version that they are of."""

    def __init__(self, warehouse: Warehouse):
        self._warehouse = warehouse
        self._links = LinkMaker(_PUBLIC_URL, Tokens(["of-sequence-tests"]))
        self._templates = TemplateCache(warehouse, self._links)

    def due(self) -> dict[str, Mail]:
        """The mails that are due and were not sent yet, by message id."""
        self._warehouse.execute(_STATEMENTS["open"])
        try:
            due_now = [*read_due(self._warehouse)]
        finally:
            self._warehouse.execute(_STATEMENTS["close"])
        found = {}
        for due in due_now:
            try:
                template = self._templates.step(due.sequence_id, due.version_id, due.step_id, due.variant_id)
                rendered, _ = rendered_message(due, template, self._links, tracked=False)
                found[due.message_id] = Mail(rendered.subject, _plain(str(rendered.html)), _plain(str(rendered.text)))
            except RenderError as error:
                found[due.message_id] = Mail(error=str(error))
        return found


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text).strip()
