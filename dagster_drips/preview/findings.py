"""What else there is to know of mails than how they look: values that leads lack, and what a spam filter says.

Here belongs which of it is asked for which mail; counting is `missing`'s, asking SpamAssassin `spam`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dagster_drips.pipeline.published import opened_published
from dagster_drips.preview.mails import (
    PreviewedMail,
    Reader,
    event_of,
    fields_named,
    readers_content,
    rendered_step,
    sender_of,
)
from dagster_drips.preview.missing import MissingValues, missing_values
from dagster_drips.preview.spam import SpamScore, spam_score
from dagster_drips.project import Project
from dagster_drips.sequences.catalog import SequenceSource, read_catalog
from dagster_drips.sequences.schema import Step, Variant
from dagster_drips.sequences.segment_files import segment_names


@dataclass(frozen=True)
class Findings:
    """What else is known of previewed mails, by sequence and name of the mail.

    Args:
        missing: over the leads of the segments, where something is published.
        spam: where SpamAssassin was asked.
    """

    missing: Mapping[tuple[str, str], MissingValues] = field(default_factory=dict)
    spam: Mapping[tuple[str, str], SpamScore] = field(default_factory=dict)


def findings_on(
    project: Project, mails: Sequence[PreviewedMail], reader: Reader, *, with_spam: bool = False
) -> Findings:
    """Of mails that can be made; missing values only where something is published.

    Args:
        project: whose.
        mails: of its working files.
        reader: whom they were rendered for.
        with_spam: ask SpamAssassin, too: seconds a mail.

    Raises:
        DripsError: SpamAssassin is asked for and not installed.
    """
    catalog = read_catalog(project, segments=segment_names(project))
    known = [mail for mail in mails if not mail.error and mail.sequence_id in catalog.sources]
    parts = {(mail.sequence_id, mail.name): _part(catalog.sources[mail.sequence_id], mail) for mail in known}
    missing: dict[tuple[str, str], MissingValues] = {}
    with opened_published(project) as published:
        if published is not None:
            for (sequence_id, name), (step, variant) in parts.items():
                source = catalog.sources[sequence_id]
                fields = fields_named(source, step, variant)
                missing[sequence_id, name] = missing_values(published, source.sequence, fields)
    spam: dict[tuple[str, str], SpamScore] = {}
    for (sequence_id, name), (step, variant) in parts.items() if with_spam else ():
        spam[sequence_id, name] = spam_of(catalog.sources[sequence_id], step, variant, reader)
    return Findings(missing, spam)


def spam_of(source: SequenceSource, step: Step, variant: Variant | None, reader: Reader) -> SpamScore:
    """SpamAssassin's verdict on one mail, which takes seconds.

    Raises:
        RenderError: it can't be made for this reader.
        DripsError: SpamAssassin is not installed or answers nothing.
    """
    event = event_of(source, reader)
    content = readers_content(source, step, reader, event)
    rendered, _, _ = rendered_step(source, step, variant.id if variant else None, reader, event, content)
    sender = sender_of(source)
    return spam_score(
        rendered,
        sender=(sender.name, sender.email, sender.reply_to),
        recipient=str(reader.lead.get("email") or "reader@example.org"),
        sequence_id=source.sequence_id,
        step_id=step.id,
    )


def _part(source: SequenceSource, mail: PreviewedMail) -> tuple[Step, Variant | None]:
    step = next(one for one in source.sequence.steps if one.id == mail.step_id)
    return step, next((one for one in step.variants or () if one.id == mail.variant_id), None)
