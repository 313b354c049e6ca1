"""Times, numbers and money as a reader expects them, or an error that says what to mend."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from dagster_drips.links.message_links import LinkMaker
from dagster_drips.templating.context import MessageFacts, message_context
from dagster_drips.templating.sandbox import Record, TemplateEnvironment
from dagster_drips.templating.templates import RenderError, compile_step

GERMAN = {"locale": "de-DE", "timezone": "Europe/Berlin"}
INSTANT = datetime(2026, 11, 26, 23, 56, 32)
# What CLDR puts between digits and signs.
NBSP, NNBSP = "\u00a0", "\u202f"


def written(template, *, lead=None, timezone="UTC", **names):
    environment = TemplateEnvironment({}, timezone)
    context = {"lead": Record("lead", lead or {}), "event": Record("event", names.pop("event", {})), **names}
    return environment.from_string(template).render(context)


def test_a_date_is_the_readers_own_day_in_the_readers_language():
    assert written("{{ at | date }}", at=INSTANT, lead=GERMAN) == "27.11.2026"
    assert written("{{ at | date('long') }}", at=INSTANT, lead=GERMAN) == "27. November 2026"
    assert written("{{ at | date }}", at=INSTANT) == "Nov 26, 2026"


def test_times_and_instants_are_on_the_readers_clock():
    assert written("{{ at | time }}", at=INSTANT, lead=GERMAN) == "00:56"
    assert written("{{ at | datetime }}", at=INSTANT, lead=GERMAN) == "27.11.2026, 00:56:32"
    assert written("{{ at | time }}", at=INSTANT) == f"11:56{NNBSP}PM"


def test_a_lead_without_a_known_zone_or_locale_gets_the_projects_zone_and_english():
    lead = {"locale": "xx-nowhere", "timezone": "localtime"}
    assert written("{{ at | datetime('short') }}", at=INSTANT, lead=lead, timezone="Asia/Tokyo") == (
        f"11/27/26, 8:56{NNBSP}AM"
    )


def test_a_locale_with_an_unknown_region_is_its_language():
    assert written("{{ at | date('long') }}", at=INSTANT, lead={"locale": "fr-XX"}) == "26 novembre 2026"


@pytest.mark.parametrize(
    "value",
    ["2026-11-26T23:56:32Z", "2026-11-27T00:56:32+01:00", "2026-11-26 23:56:32", "2026-11-26T23:56:32.000Z"],
)
def test_an_events_times_come_as_text(value):
    assert written("{{ at | datetime('short') }}", at=value, lead=GERMAN) == "27.11.26, 00:56"


@pytest.mark.parametrize("value", ["2026-11-26", date(2026, 11, 26)])
def test_a_day_without_a_time_is_that_day_everywhere(value):
    assert written("{{ at | date }}", at=value, lead={"timezone": "Pacific/Kiritimati"}) == "Nov 26, 2026"
    with pytest.raises(Exception, match=r"a day without a time; write \| date"):
        written("{{ at | time }}", at=value)


def test_arguments_go_before_the_lead():
    template = "{{ at | datetime('d MMMM y, HH:mm', locale='fr', timezone='America/New_York') }}"
    assert written(template, at=INSTANT, lead=GERMAN) == "26 novembre 2026, 18:56"


def test_clocks_change_by_the_pinned_zones():
    before, after = datetime(2026, 3, 29, 0, 59), datetime(2026, 3, 29, 1, 0)
    assert written("{{ at | time }}", at=before, lead=GERMAN) == "01:59"
    assert written("{{ at | time }}", at=after, lead=GERMAN) == "03:00"


@pytest.mark.parametrize(
    ("value", "currency", "lead", "shown"),
    [
        (Decimal("9.9000"), "EUR", GERMAN, f"9,90{NBSP}€"),
        (9.9, "EUR", {}, "€9.90"),
        (0.1 + 0.2, "usd", {}, "$0.30"),
        (1234567, "JPY", {}, "¥1,234,567"),
        ("1234.5", "CHF", {"locale": "de-CH"}, "CHF\u00a01’234.50"),
        (-5, "EUR", GERMAN, f"-5,00{NBSP}€"),
        (3, "XTS", {}, f"XTS{NBSP}3.00"),
    ],
)
def test_money_has_its_currencys_digits_and_the_readers_signs(value, currency, lead, shown):
    assert written("{{ total | money(currency) }}", total=value, currency=currency, lead=lead) == shown


def test_money_of_an_event_that_is_a_sale_knows_its_currency():
    event = {"value": Decimal("20"), "currency": "EUR"}
    assert written("{{ event.value | money }}", event=event) == "€20.00"
    with pytest.raises(Exception, match=r"the currency is missing; write its three letters: \| money\('EUR'\)"):
        written("{{ event.value | money }}", event={"value": 20})


@pytest.mark.parametrize(
    ("template", "value", "shown"),
    [
        ("{{ n | number }}", 1234567.891, "1,234,567.891"),
        ("{{ n | number(1) }}", "2.25", "2.2"),
        ("{{ n | number(0) }}", 1e6, "1,000,000"),
        ("{{ n | number(2, locale='de') }}", 1000, "1.000,00"),
        ("{{ n | number }}", 10**20, "100,000,000,000,000,000,000"),
    ],
)
def test_numbers(template, value, shown):
    assert written(template, n=value) == shown


def test_empty_text_stays_empty_and_a_missing_value_is_named():
    template = "{{ lead.birthday | default('') | date }}{{ lead.total | default('') | money('EUR') }}"
    assert written(template) == ""
    with pytest.raises(Exception, match=r"lead\.birthday has no value"):
        written("{{ lead.birthday | date }}")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ 'soon' | date }}", "'soon' is no date; write it as ISO 8601"),
        ("{{ 5 | date }}", "'5' is no date"),
        ("{{ '2026-01-01T00:00:00Z' | date('pretty') }}", "the format 'pretty' is none of short, medium"),
        ("{{ '2026-01-01T00:00:00Z' | date('y' * 200) }}", "the format 'yyyy"),
        ("{{ '2026-01-01T00:00:00Z' | time(timezone='Berlin') }}", "'Berlin' is no time zone"),
        ("{{ 1 | money('Euro') }}", "the currency is 'Euro'"),
        ("{{ 1 | money(7) }}", "the currency is '7'"),
        ("{{ 'ten' | money('EUR') }}", "'ten' is no number"),
        ("{{ true | number }}", "'True' is no number"),
        ("{{ '1e400' | number }}", "more digits than anybody reads"),
        ("{{ '1e-400' | number }}", "more digits than anybody reads"),
        ("{{ 'nan' | number }}", "'nan' is no number"),
        ("{{ 1 | number(99) }}", "decimals must be a whole number from 0 to 20"),
        ("{{ 1 | number(locale='nowhere at all') }}", "'nowhere at all' is no locale"),
        ("{{ [1] | number }}", "a list is no number"),
    ],
)
def test_what_cannot_be_written_fails_that_message_and_says_why(template, words):
    definition = {"name": "N", "steps": [{"id": "s", "subject": "Hi", "template": "s.html"}]}
    step = compile_step(definition, {"s.html": template}, "s", None)
    links = LinkMaker().of_message("m1", replies_to="help@acme.example")
    message = MessageFacts(
        sequence_id="n",
        step_id="s",
        variant_id=None,
        sender_name=None,
        sender_email=None,
        sender_reply_to=None,
        trigger_kind="event",
        triggered_at=INSTANT,
    )
    context = message_context(message, lead={}, event=None, sequence_name="N", links=links)
    with pytest.raises(RenderError) as error:
        step.render(context, links)
    assert words in str(error.value)
