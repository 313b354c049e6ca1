"""How random small projects are drawn: few names, addresses and durations, so that they meet often."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from properties.world import (
    BROKEN,
    SEGMENTS,
    Definition,
    Event,
    LeadVersion,
    Reaction,
    Suppression,
    Tick,
    World,
    moment,
)

STEP_IDS = ("a", "b", "c", "d", "e")
TOPICS = st.sampled_from([None, None, "news", "tips"])
ADDRESSES = (
    *("ann@one.example", " Ann@One.example", "bob@two.example", "Äb@two.example", "äb@two.example"),
    *("cy@b.example", "dee@c.example", "eli@d.example", "flo@d.example"),
)
NO_ADDRESSES = (None, "", "nobody")
ZONES = (
    *(None, "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"),
    *(" Europe/London ", "Mars/Base", "europe/berlin"),
)
LEAD_IDS = [f"l{number}" for number in range(12)]


def minutes(*choices: int) -> st.SearchStrategy[dict[str, int]]:
    return st.sampled_from([{"minutes": choice} for choice in choices])


def places(least: int = -120, most: int = 240) -> st.SearchStrategy[Any]:
    """Instants from days before the first tick to behind the last."""
    return st.integers(least, most).map(moment)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def stated(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping without the keys that were drawn as None."""
    return st.fixed_dictionaries(fields).map(
        lambda drawn: {key: value for key, value in drawn.items() if value is not None}
    )


WHERE = st.sampled_from([None, None, {"plan": "pro"}])
TRIGGERS = st.one_of(
    stated(
        event=st.just("signup"),
        where=WHERE,
        lookback=minutes(2880, 720, 0),
        trigger_max_age=st.sampled_from([None] * 6 + [{"minutes": 0}, {"minutes": 60}, {"days": 1}]),
    ),
    stated(
        event=st.just("lead_created"),
        lookback=minutes(5760, 1440, 0),
        trigger_max_age=st.sampled_from([None] * 4 + [{"hours": 3}, {"days": 2}]),
    ),
    stated(
        segment_entered=st.sampled_from(sorted(SEGMENTS)),
        include_existing=st.sampled_from([True, True, False]),
        trigger_max_age=st.sampled_from([None] * 6 + [{"minutes": 0}, {"hours": 12}]),
    ),
)
HOURS = st.sampled_from(
    [("22:00", "06:00"), ("17:00", "12:00"), ("12:00", "12:00"), ("09:30", "17:00"), ("06:00", None), (None, "22:00")]
)
DAYS = st.sampled_from([None, ["sat"], ["sun"], ["sat", "mon"], ["sun", "tue"], ["sat", "sun", "mon"]])
WINDOWS = st.tuples(HOURS, DAYS, st.sampled_from(["lead", "lead", "Europe/Berlin", "Asia/Kathmandu", None])).map(
    lambda drawn: {
        key: value
        for key, value in zip(("start", "end", "days", "timezone"), (*drawn[0], *drawn[1:]), strict=True)
        if value is not None
    }
)
CONDITIONS = st.sampled_from(
    [None] * 20
    + [{"segment": "vips"}, {"event": "login"}, {"opened": "a"}, {"clicked": ["a", "b"]}, {"segment": "quiet"}]
)
STEPS = stated(
    delay=minutes(0, 0, 0, 30, 60, 360, 1440),
    after=st.sampled_from([None, None, None, "trigger"]),
    expires_after=st.sampled_from([None] * 14 + [{"minutes": 60}, {"minutes": 1440}]),
    only_if=CONDITIONS,
    unless=CONDITIONS,
    rollout=st.sampled_from([None] * 10 + [0.5]),
)
SEQUENCES = stated(
    name=st.just("A sequence"),
    trigger=TRIGGERS,
    active_from=st.none() | places(-72, 12),
    segments=stated(
        include=st.sampled_from([None] * 8 + [["vips"], ["everyone", "fresh"], ["quiet"]]),
        exclude=st.sampled_from([None] * 8 + [["buyers"], ["vips", "buyers"]]),
    ),
    reentry=st.sampled_from(["never", "after_exit", "after_exit", {"hours": 24}]),
    holdout=st.sampled_from([0, 0, 0, 0.4]),
    rollout=st.sampled_from([None] * 6 + [0, 0.5, 1]),
    goal=optional(stated(event=st.just("purchase"), where=WHERE, within=optional(minutes(720, 4320)))),
    exit_on=stated(
        events=st.sampled_from([None, ["cancel"], ["cancel", "signup"]]),
        leaves_segments=st.booleans(),
        goal=st.booleans(),
        replied=st.booleans(),
    ),
    send_window=st.none() | st.none() | WINDOWS,
    priority=st.sampled_from([None, 50, 0, 100]),
    topic=TOPICS,
    transactional=st.sampled_from([False, False, False, True]),
    sender=stated(
        email=st.sampled_from(["ada@acme.example", "Ada@acme.example", "eve@acme.example"]),
        max_per_tick=st.sampled_from([None] * 5 + [1, 2, 4]),
    ),
)
SETTINGS = stated(
    timezone=st.sampled_from(["UTC", "America/New_York", "Europe/Berlin"]),
    holdout=st.sampled_from([0, 0, 0, 0.3]),
    frequency_cap=optional(st.fixed_dictionaries({"messages": st.integers(1, 2), "per": minutes(60, 1440)})),
    max_per_tick=st.sampled_from([None, None, None, 5]),
)
ORDERS = st.lists(st.sampled_from(STEP_IDS), min_size=2, max_size=5, unique=True)


def with_steps(base: Definition, steps: dict[str, dict[str, Any]], order: list[str], status: str) -> Definition:
    """A definition whose steps stand in that order; conditions on steps that don't stand before are left out."""
    written = []
    for place, step_id in enumerate(order):
        step: dict[str, Any] = {**steps[step_id], "id": step_id, "subject": "Hello", "template": "mail.html"}
        for polarity in ("only_if", "unless"):
            named = [name for kind in ("opened", "clicked") for name in step.get(polarity, {}).get(kind, ())]
            if not set(named) <= set(order[:place]):
                del step[polarity]
        written.append(step)
    return {**base, "status": status, "steps": written}


@st.composite
def sequence_files(draw: st.DrawFn, ticks: int, edited: bool) -> list[Definition | str | None]:
    """One sequence's file at each tick; None where it is deleted."""
    base, order = draw(SEQUENCES), draw(ORDERS)
    steps = draw(st.fixed_dictionaries(dict.fromkeys(STEP_IDS, STEPS)))
    status = draw(st.sampled_from(["active"] * 12 + ["paused", "draft"]))
    files: list[Definition | str | None] = [with_steps(base, steps, order, status)]
    while len(files) < ticks:
        edit = (
            draw(st.sampled_from(["none", "none", "order", "order", "status", "delay", "oddity"])) if edited else "none"
        )
        if edit == "none":
            files.append(files[-1])
            continue
        if edit == "order":
            order = draw(ORDERS)
        elif edit == "delay":
            steps = {**steps, draw(st.sampled_from(STEP_IDS)): draw(STEPS)}
        elif edit == "status" and status != "archived":  # archived is final (S1)
            status = draw(st.sampled_from(["active", "active", "active", "paused", "draft", "archived"]))
        oddity = draw(st.sampled_from([BROKEN, None])) if edit == "oddity" else ""
        files.append(with_steps(base, steps, order, status) if oddity == "" else oddity)
    return files


@st.composite
def events(draw: st.DrawFn, ticks: int) -> list[Event]:
    drawn = []
    for number in range(draw(st.integers(16, 40))):
        occurred_at = draw(places(-48, 80))
        drawn.append(
            Event(
                event_id=f"e{number - draw(st.sampled_from([0] * 9 + [1]))}",  # now and then an id comes again
                lead_id=draw(st.sampled_from([*LEAD_IDS, "nobody"])),
                event=draw(st.sampled_from(["signup", "signup", "signup", "login", "purchase", "cancel"])),
                occurred_at=occurred_at,
                received_at=draw(
                    st.sampled_from([False] * 5 + [True]).flatmap(lambda late: places(-24, 100) if late else st.none())
                ),
                plan=draw(st.sampled_from(["pro", "pro", "free", None])),
                lands=draw(landings(ticks)),
            )
        )
    return drawn


def landings(ticks: int) -> st.SearchStrategy[int]:
    return st.sampled_from([0] * ticks + list(range(ticks)))


def leads(ticks: int) -> st.SearchStrategy[list[LeadVersion]]:
    """A row for nearly every lead, and later versions of some."""

    def row(lead_ids: st.SearchStrategy[str]) -> st.SearchStrategy[LeadVersion]:
        return st.builds(
            LeadVersion,
            lead_id=lead_ids,
            created_at=places(-120, 60),
            updated_at=st.none() | places(-120, 100),
            email=st.sampled_from(ADDRESSES * 4 + NO_ADDRESSES),
            timezone=st.sampled_from(ZONES),
            tags=st.sampled_from([(), ("vip",), ("vip", "old")]),
            lands=landings(ticks),
        )

    known = st.tuples(*(row(st.just(lead_id)) for lead_id in LEAD_IDS))
    again = st.lists(row(st.sampled_from(LEAD_IDS)), max_size=8)
    return st.tuples(known, again).map(lambda drawn: [*drawn[0], *drawn[1]])


def suppressions(ticks: int) -> st.SearchStrategy[list[Suppression]]:
    reasons = ["unsubscribed"] * 4 + ["resubscribed"] * 4 + ["bounced", "complained", "manual", "whim", None]
    instants = st.integers(-2, 8).map(lambda half_days: moment(12 * half_days))  # few, so that some are equal
    row = st.builds(
        Suppression,
        email=st.sampled_from(ADDRESSES),
        reason=st.sampled_from(reasons),
        occurred_at=st.sampled_from([True] + [False] * 9).flatmap(lambda unknown: st.none() if unknown else instants),
        topic=TOPICS,
        lands=landings(ticks),
    )
    return st.lists(row, max_size=6)


def reactions(ticks: int) -> st.SearchStrategy[list[Reaction]]:
    suppressing = ["unsubscribed", "complained", "bounced"]
    row = st.builds(
        Reaction,
        choice=st.integers(0, 99),
        type=st.sampled_from(["opened", "opened", "clicked", "replied", "resubscribed", *suppressing]),
        places=st.integers(-4, 60),
        topic=TOPICS,
        bounce_class=st.sampled_from([None, "hard", "soft"]),
        lands=st.integers(1, ticks - 1),
    )
    return st.lists(row, max_size=12)


@st.composite
def worlds(draw: st.DrawFn, edited: bool = False) -> World:
    """A whole project; with `edited`, its sequence files change between ticks."""
    gaps = draw(st.lists(st.sampled_from([1, 2, 6, 12, 16, 24, 40]), min_size=3, max_size=5))
    instants = [moment(sum(gaps[:count])) for count in range(len(gaps) + 1)]
    mishaps = st.sampled_from([None] * 5 + ["unsent", "repeated"])
    ticks = [Tick(instant, draw(mishaps)) for instant in instants]
    histories = draw(st.lists(sequence_files(len(ticks), edited), min_size=4, max_size=6))
    files = [
        {f"s{place}": file for place, history in enumerate(histories) if (file := history[number]) is not None}
        for number in range(len(ticks))
    ]
    return World(
        settings=draw(SETTINGS),
        ticks=ticks,
        files=files,
        leads=draw(leads(len(ticks))),
        events=draw(events(len(ticks))),
        suppressions=draw(suppressions(len(ticks))),
        reactions=draw(reactions(len(ticks))),
    )
