"""Simulated people: what becomes of a message after it was sent, as engagement facts in the contract's form.

A message's fate hangs on the seed and its id alone, so it is the same whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

BOUNCED = 0.015
OPENED = 0.45
"""Of the messages that arrived, by a person."""
CLICKED = 0.25
"""Of the opened ones."""
UNSUBSCRIBED = 0.007
COMPLAINED = 0.001
REPLIED = 0.006
PREFETCHED = 0.12
"""Opened by Apple's mail privacy protection within seconds, whether or not a person does."""
SCANNED = 0.03
"""Two links fetched within ten seconds by a scanner that looks like a browser."""

_APPLE = "Mozilla/5.0"
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19 Safari/605",
    "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
)
_SITE = "https://acme.example"
_EARLIEST_MINUTE = 10


class People:
    """Everybody who gets the demo's mail.

    Args:
        seed: equal seeds give equal fates.
    """

    def __init__(self, seed: int):
        self._seed = seed

    def react(self, messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The facts about these messages, in order of time.

        Args:
            messages: with `message_id`, `sequence_id`, `step_id` and `as_of` (naive UTC), as in `raw.delivery_log`.
        """
        facts = [fact for message in messages for fact in self._fate(message)]
        return sorted(facts, key=lambda fact: (fact["occurred_at"], fact["engagement_id"]))

    def _fate(self, message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        message_id, sent_at = message["message_id"], message["as_of"]
        random = Random(f"{self._seed}:{message_id}")
        if random.random() < BOUNCED:
            hard = random.random() < 0.7
            yield _fact(
                message_id,
                "bounced",
                sent_at + timedelta(minutes=20 * random.random()),
                bounce_class="hard" if hard else "soft",
                detail="550 5.1.1 no such mailbox" if hard else "452 4.2.2 mailbox full",
            )
            return
        if random.random() < PREFETCHED:
            yield _fact(message_id, "opened", sent_at + timedelta(seconds=4), "prefetch", user_agent=_APPLE)
        if random.random() < SCANNED:
            for number, page in enumerate(("", "/unsubscribe")):
                moment = sent_at + timedelta(seconds=2 + 3 * number)
                agent = _BROWSERS[0]
                yield _fact(message_id, "clicked", moment, f"scan-{number}", url=_SITE + page, user_agent=agent)
        opened, clicked = random.random() < OPENED, random.random() < CLICKED
        agent = _BROWSERS[int(random.random() * len(_BROWSERS))]
        opened_at = sent_at + timedelta(minutes=2 + 60 * 40 * random.random() ** 3)
        if opened:
            yield _fact(message_id, "opened", opened_at, user_agent=agent)
            if random.random() < 0.2:
                yield _fact(message_id, "opened", opened_at + timedelta(hours=5), "again", user_agent=agent)
            if clicked:
                url = f"{_SITE}/{message['sequence_id']}/{message['step_id']}"
                clicked_at = opened_at + timedelta(seconds=15 + 100 * random.random())
                yield _fact(message_id, "clicked", clicked_at, url=url, user_agent=agent)
        after = opened_at + timedelta(minutes=5)
        for kind, share in (("unsubscribed", UNSUBSCRIBED), ("complained", COMPLAINED), ("replied", REPLIED)):
            if random.random() < share:
                yield _fact(message_id, kind, after)


def _fact(message_id: str, kind: str, moment: datetime, which: str = "", **more: Any) -> dict[str, Any]:
    if kind in ("bounced", "unsubscribed", "complained"):
        # Sending reads suppressions again up to the moment (L3), and how long it takes is the machine's affair. Kept
        # clear of the first minutes of an hour, at which ticks are, these facts mean the same in every run.
        moment = moment.replace(minute=max(moment.minute, _EARLIEST_MINUTE))
    name = f"{message_id}-{kind}-{which}" if which else f"{message_id}-{kind}"
    at = f"{moment.replace(microsecond=0).isoformat()}Z"
    return {"engagement_id": name, "message_id": message_id, "type": kind, "occurred_at": at, **more}


def write_facts(facts: Iterable[Mapping[str, Any]], file: Path) -> None:
    """Land the facts as one JSON Lines file, complete once it has its name."""
    encoder = msgspec.json.Encoder()
    hidden = file.with_name(f".{file.name}")
    hidden.write_bytes(b"".join(encoder.encode(fact) + b"\n" for fact in facts))
    hidden.replace(file)
