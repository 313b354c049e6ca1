"""What a tick left that somebody has to look at, as `drips status` and the console tell it, person by person.

Here belong concerns (`concerns`) with what alerts don't tell: rejected rows, and each message in doubt by itself. What
lies beside the warehouse (ignored files, kept mails) is the command's to look for.
"""

from __future__ import annotations

from typing import Any

from dagster_drips.pipeline.concerns import concerns_of
from dagster_drips.pipeline.status import Facts

_HELD = {"only_to": "DRIPS_ONLY_TO lets mail go to others alone"}
_SHOWN_IN_DOUBT = 10
_SHOWN_REJECTED = 20


def problems(facts: Facts, rejected: list[dict[str, Any]]) -> list[str]:
    """Each a sentence with the way out; none where all is well.

    Args:
        facts: of `read_facts` or `published_facts`.
        rejected: rows of its statement `rejected` that nobody has acknowledged.
    """
    ticks, in_doubt = facts["ticks"], facts["in_doubt"]
    found = []
    if ticks and "finished" not in ticks[0]["phases"]:
        found.append("the last tick did not finish; `drips run` goes on from it")
    found += [concern.text for concern in concerns_of(facts) if concern.kind not in ("in_doubt", "journal")]
    for row in rejected[:_SHOWN_REJECTED]:
        rows = "1 row" if row["rows"] == 1 else f"{row['rows']} rows"
        where = f"data/landing/{row['kind']}/{row['file']}" + (f":{row['line']}" if row["line"] else "")
        found.append(f"{where}: {rows} rejected, first: {row['reason']}; see raw.rejected_rows, then --acknowledge")
    if len(rejected) > _SHOWN_REJECTED:
        found.append(f"{len(rejected) - _SHOWN_REJECTED} more files have rejected rows")
    for row in facts["held"]:
        found.append(f"{row['messages']} due messages are held back: {_HELD[row['reason']]}")
    for row in in_doubt[:_SHOWN_IN_DOUBT]:
        found.append(
            f"message {row['message_id']} ({row['sequence_id']}/{row['step_id']} to {row['recipient']}) is in doubt:"
            f" {row['detail'] or 'the server never answered'}"
        )
    if len(in_doubt) > _SHOWN_IN_DOUBT:
        found.append(f"{len(in_doubt) - _SHOWN_IN_DOUBT} more messages are in doubt")
    if in_doubt:
        found.append(
            "messages in doubt hold their enrollments until somebody says what became of them: `drips resolve`"
        )
    return found
