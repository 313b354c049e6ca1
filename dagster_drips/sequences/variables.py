"""Which variables a template may use, and what is said of the others.

The contract's list of what templates see; finding the places that use them is `template_facts`' part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from dagster_drips.sequences.content_files import LEAD_KEY, ContentFile
from dagster_drips.sequences.problems import nearest
from dagster_drips.sequences.template_facts import Chain, TemplateFacts, Use, template_environment
from dagster_drips.vocabulary import EVENT_COLUMNS, LEAD_COLUMNS

_SURE_COLUMNS = frozenset({"lead_id", "email", "created_at", "updated_at"})
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "sequence": frozenset({"id", "name"}),
    "step": frozenset({"id", "variant"}),
    "sender": frozenset({"name", "email", "reply_to"}),
}
_EVENT = frozenset(EVENT_COLUMNS)
_BUILT_IN_EVENT = frozenset({"event", "occurred_at", "properties"})
_ROOTS = frozenset({"lead", "event", "content", "unsubscribe_url", "preferences_url", "view_url", *_ATTRIBUTES})
CONFIRM_URL = "confirm_url"
"""Where the reader of a confirmation says yes; other messages have none."""
_JINJA_NAMES = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})


@dataclass(frozen=True)
class VariableJudge:
    """Says which of the things that a template mentions a message of this sequence has.

    Args:
        fields: custom fields that `project.yml` declares; None: nobody knows, so leads' attributes aren't judged.
        has_event: whether a landed event triggers the sequence; the built-in triggers have little to tell.
        absent_of_sender: what the sequence's sender leaves out.
        content: the project's content models by name (M9).
        confirms: whether the sequence is a confirmation, which is given nothing of a lead but where it goes: what a
            page said of a stranger must not reach them.
    """

    fields: Collection[str] | None
    has_event: bool
    absent_of_sender: Collection[str] = ()
    confirms: bool = False
    content: Mapping[str, ContentFile] = field(default_factory=dict)

    def verdicts(self, facts: TemplateFacts, shared: Collection[str]) -> list[tuple[int, str, bool]]:
        """(line, message, whether it is an error) of what a template mentions in vain.

        Args:
            facts: the template's.
            shared: names that other templates of the sequence set, which an include or a layout may see.
        """
        found: dict[tuple[str, int], tuple[int, str, bool]] = {}
        asked = {use.chain[:2] for use in facts.uses if use.guarded or use.asked}
        for kind, name, line in facts.unknown:
            known = template_environment().filters if kind == "filter" else template_environment().tests
            close = nearest(name, known)
            hint = f"; did you mean '{close}'?" if close else ""
            found.setdefault((name, line), (line, f"unknown Jinja {kind} '{name}'{hint}", True))
        for use in sorted(facts.uses, key=lambda use: use.line):
            root = use.chain[0]
            if (
                root not in facts.undeclared
                or root in shared
                or root in template_environment().globals
                or root in _JINJA_NAMES
            ):
                continue
            if root in facts.assigned and root not in _ROOTS and use.guarded:
                continue
            verdict = self._content_verdict(use, asked) if root == "content" else self._verdict(use)
            if verdict:
                message, is_error = verdict
                found.setdefault((message, use.line if is_error else 0), (use.line, message, is_error))
        return list(found.values())

    def _verdict(self, use: Use) -> tuple[str, bool] | None:
        root, attribute = use.chain[0], use.chain[1] if len(use.chain) > 1 else None
        if root == CONFIRM_URL:
            return None if self.confirms else ("confirm_url is for a sequence with confirmation: true alone", True)
        if self.confirms and root == "lead" and attribute != "email" and not use.guarded:
            named = ".".join(use.chain[:2])
            return f"'{named}' may not stand in a confirmation: of a stranger only lead.email is sure", True
        if root not in _ROOTS:
            if not use.guarded:
                return self._unknown_root(root), True
            # A test may ask what a caller gave; `default` on a name that nobody gives stands for good.
            return None if use.tested else (f"{self._unknown_root(root)}; its default always stands", False)
        if attribute is None:
            return None
        if root == "lead":
            return self._lead_verdict(attribute, guarded=use.guarded, asked=use.asked)
        if use.guarded:
            return None
        if root == "event":
            return self._event_verdict(use.chain)
        if root == "sender" and attribute in self.absent_of_sender:
            return (
                f"sender.{attribute} has no value: the sender gives none; add it there, or write | default('…')",
                True,
            )
        known = _ATTRIBUTES.get(root)
        if known is None or attribute in known:
            return None
        return f"undefined variable '{root}.{attribute}'{_meant(root, attribute, known)}", True

    def _content_verdict(self, use: Use, asked: Collection[Chain]) -> tuple[str, bool] | None:
        """Of a model without a file nothing is said here: that is a mistake of its own (`unknown_content`)."""
        if self.confirms:
            return "'content' may not stand in a confirmation: of a stranger only lead.email is sure", True
        if len(use.chain) == 1:
            return "content as a whole is no value: name a model, as in content.recommended", True
        model = self.content.get(use.chain[1])
        if model is None:
            return None
        named = ".".join(use.chain[:2])
        if model.key != LEAD_KEY and not self.has_event:
            return f"{named} is found by '{model.key}' of an event, and this sequence's trigger is none", True
        if model.is_many and len(use.chain) > 2:
            return f"{named} is a list of rows: write {{% for row in {named} %}}", True
        if model.is_many or use.chain[:2] in asked:
            return None
        message = (
            f"{named} may have no row, and then the message fails; ask first: {{% if {named} %}}, or | default('…')"
        )
        return message, False

    def _lead_verdict(self, attribute: str, *, guarded: bool, asked: bool) -> tuple[str, bool] | None:
        known = {*LEAD_COLUMNS, *(self.fields or ())}
        if self.fields is None:
            return None
        if attribute in known:
            if guarded or asked or attribute in _SURE_COLUMNS:
                return None
            message = (
                f"lead.{attribute} may be blank, and then the message fails; write lead.{attribute} | default('…')"
            )
            return message, False
        close = nearest(attribute, known)
        if guarded:
            message = f"'lead.{attribute}' is no declared field; did you mean 'lead.{close}'?"
            return (message, False) if close else None
        declare = f"; declare a custom field under fields: in sequences/project.yml ({attribute}: text)"
        return f"undefined variable 'lead.{attribute}'{_meant('lead', attribute, known)}{declare}", True

    def _event_verdict(self, chain: tuple[str, ...]) -> tuple[str, bool] | None:
        name, known = chain[1], _EVENT if self.has_event else _BUILT_IN_EVENT
        if name not in known:
            why = (
                "" if self.has_event or name not in _EVENT else "; this sequence's trigger is no event with such values"
            )
            hint = why or _meant("event", name, known) or f"; an event's own values are under event.properties.{name}"
            return f"undefined variable 'event.{name}'{hint}", True
        if name == "properties" and len(chain) > 2 and not self.has_event:
            return f"undefined variable '{'.'.join(chain)}'; this sequence's trigger has no properties", True
        return None

    def _unknown_root(self, root: str) -> str:
        owner = next((name for name, known in self._owners() if root in known), None)
        if owner:
            return f"undefined variable '{root}'; did you mean '{owner}.{root}'?"
        close = nearest(root, _ROOTS)
        known = ", ".join(sorted(_ROOTS))
        return f"undefined variable '{root}'" + (f"; did you mean '{close}'?" if close else f"; known: {known}")

    def _owners(self) -> list[tuple[str, Collection[str]]]:
        attributes: Mapping[str, Collection[str]] = _ATTRIBUTES
        return [("lead", {*LEAD_COLUMNS, *(self.fields or ())}), ("event", _EVENT), *attributes.items()]


def _meant(root: str, attribute: str, known: Collection[str]) -> str:
    close = nearest(attribute, known)
    return f"; did you mean '{root}.{close}'?" if close else ""
