"""SPF records: what receivers could not follow is reported, and why."""

import pytest
from dns_server import DnsServer

from dagster_drips.doctor.resolver import Resolver
from dagster_drips.doctor.spf import check_spf, parse_spf

GOOD = "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a mx:mail.acme.example/28//64 include:mail.example ~all"
INCLUDED = {("mail.example", "TXT"): ["v=spf1 ip4:198.51.100.1 -all"]}


def check(*records: str, **more: list[str]):
    zone = {("acme.example", "TXT"): list(records), **INCLUDED}
    zone |= {(f"{name}.example", "TXT"): texts for name, texts in more.items()}
    with DnsServer(zone) as server:
        return check_spf("SPF", "acme.example", Resolver(server.address))


def test_a_record_that_receivers_can_follow_is_fine():
    found = check("google-site-verification=abc", GOOD)
    assert (found.state, found.message) == ("ok", f"acme.example: {GOOD}")


@pytest.mark.parametrize(
    ("records", "state", "words"),
    [
        ([], "problem", "has no SPF record"),
        (["v=spf10 -all", "spf1 -all"], "problem", "has no SPF record"),
        ([GOOD, "v=spf1 -all"], "problem", "2 SPF records"),
        (["v=spf1 ipv4:192.0.2.1 -all"], "problem", "'ipv4:192.0.2.1' is no SPF term"),
        (["v=spf1 ip4:192.0.2.300 -all"], "problem", "holds no ip4 network"),
        (["v=spf1 ip4:2001:db8::1 -all"], "problem", "holds no ip4 network"),
        (["v=spf1 ip6:192.0.2.1 -all"], "problem", "holds no ip6 network"),
        (["v=spf1 include -all"], "problem", "'include' names no domain"),
        (["v=spf1 redirect="], "problem", "'redirect=' names no domain"),
        (["v=spf1 all:acme.example"], "problem", "all takes nothing"),
        (["v=spf1 a, -all"], "problem", "'a,' is no SPF term"),
        (["v=spf1 redirect=mail.example redirect=mail.example"], "problem", "redirect= twice"),
        (["v=spf1 +all"], "problem", "everybody"),
        (["v=spf1 mx all"], "problem", "everybody"),
        (["v=spf1 mx ?all"], "warning", "end it with -all or ~all"),
        (["v=spf1 mx"], "warning", "end it with -all or ~all"),
        (["v=spf1 mx redirect=mail.example"], "ok", ""),
        (["v=spf1 exists:%{i}.acme.example include:%{d}.mail.example -all"], "ok", ""),
        (["v=spf1 mx exp=why.acme.example unknown=x -all"], "ok", ""),
        (["V=SPF1 MX -ALL"], "ok", ""),
        (["v=spf1 include:gone.example -all"], "problem", "gone.example, which has no SPF record"),
        (["v=spf1 include:acme.example -all"], "problem", "leads back to itself"),
    ],
)
def test_what_is_wrong_with_a_record_is_told(records, state, words):
    found = check(*records)
    assert found.state == state
    assert words in str(found)


def test_a_mistake_in_an_included_record_is_told_with_its_place():
    found = check("v=spf1 include:a.example -all", a=["v=spf1 ipv6:::1 -all"])
    assert (found.state, "'ipv6:::1' is no SPF term (in a.example)" in found.advice) == ("problem", True)


@pytest.mark.parametrize(("count", "state"), [(5, "ok"), (6, "warning")])
def test_lookups_are_counted_through_includes(count, state):
    # Each include costs one, and one more for the mx in it.
    record = "v=spf1 " + " ".join(f"include:m{number}.example" for number in range(count)) + " -all"
    found = check(record, **{f"m{number}": ["v=spf1 mx -all"] for number in range(count)})
    assert found.state == state
    assert ("more than 10 DNS lookups" in found.advice) == (state == "warning")


def test_counting_ends_whatever_a_record_includes():
    wide = {f"w{number}": ["v=spf1 " + f"include:w{number + 1}.example " * 9 + "-all"] for number in range(9)}
    assert "DNS lookups" in check("v=spf1 include:w0.example -all", **wide).advice


def test_a_qualifier_belongs_to_its_term():
    terms, mistakes = parse_spf("v=spf1 -ip4:192.0.2.1 ~all")
    assert mistakes == []
    assert [(term.qualifier, term.name, term.value) for term in terms] == [("-", "ip4", "192.0.2.1"), ("~", "all", "")]
