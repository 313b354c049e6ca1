"""Whom refusals blame: replies in the forms that the mail systems of the world give, and rule L3 about them."""

import pytest

from dagster_drips.smtp.circuit_breaker import REFUSALS_IN_A_ROW, CircuitBreaker
from dagster_drips.smtp.outcomes import Outcome, Reply, Stage, outcome_of
from dagster_drips.smtp.refusals import blame

ADDRESS = """
550 5.1.1 The email account that you tried to reach does not exist. Check the address for typos. gsmtp
550 5.2.1 The email account that you tried to reach is disabled. gsmtp
554 delivery error: dd This user doesn't have a yahoo.com account (lead1@yahoo.com) [0] - mta1.mail
554 delivery error: dd Your message to lead1@yahoo.com cannot be delivered. This mailbox is disabled (554.30).
552 1 Requested mail action aborted, mailbox not found
550 5.5.0 Requested action not taken: mailbox unavailable
550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [eop-EUR01.prod.protection.outlook.com]
550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient lead1@example.com not found by SMTP address lookup
550 5.1.351 Remote server returned unknown recipient or mailing list address -> 550 User unknown
550 5.1.351 User unknown
550 5.1.1 <lead1@icloud.com>: user does not exist
550 5.1.1 User Unknown
550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [abc.uk12]
550 permanent failure for one or more recipients (lead1@example.com:550 5.1.1 Recipient address rejected: User unknown)
Sorry, no mailbox here by that name. vpopmail (#5.1.1)
Sorry, I couldn't find any host named example.invalid. (#5.1.2)
550 Unrouteable address
550 No Such User Here
550 Requested action not taken: mailbox unavailable
550 Message was not accepted -- invalid mailbox.  Local mailbox lead1@mail.ru is unavailable: user not found
550 Message was not accepted -- invalid mailbox.  Local mailbox lead1@mail.ru is unavailable: account is disabled
550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728
550 User not found: lead1@163.com
550 5.7.1 No such user!
550 5.1.1 <lead1@yandex.ru>: Recipient address rejected: no such user
550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]
550 5.1.1 <lead1@example.com>: Recipient address rejected: User unknown in virtual mailbox table
550 5.1.1 <lead1@example.com>: Recipient address rejected: User unknown in relay recipient table
550 5.1.1 <lead1@spamfilter.example.com>... User unknown
553 5.3.0 <lead1@example.com>... No such user here
550 5.1.6 recipient no longer on server
551 5.1.6 not our customer
550 Host unknown
Host or domain name not found. Name service error for name=example.invalid type=A: Host not found
Domain example.org does not accept mail (nullMX)
556 5.1.10 Recipient address has null MX
556 no
501 5.1.3 Bad recipient address syntax
550 5.0.0 <lead1@example.com>... this account has been closed
554 5.1.1 <lead1@example.com> address error, user or domain does not exist
550 <lead1@t-online.de>: user unknown / Teilnehmer existiert nicht
550 5.1.1 nobody
550 Mailbox is frozen. See http://mail.i.ua/err/3/
550 Usuario desconocido
550 пользователь не найден
"""
OTHERS = """
host     | 554 5.7.1 Client host [192.0.2.10] blocked using dnsbl.example
host     | 550 5.7.1 IP address blacklisted by recipient
host     | 553 http://www.spamhaus.org/query/bl?ip=192.0.2.222
host     | 550 5.5.0 domain [example.com] mismatches client ip 192.0.2.225.
host     | 550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup
host     | 550 5.7.26 This mail has been blocked because the sender is unauthenticated.
host     | 550 5.7.1 Messages from [192.0.2.1] weren't sent: part of their network is on our block list (S3150).
host     | 550 5.7.606 Access denied, banned sending IP [192.0.2.1]
host     | 550 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1
host     | 550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550
host     | 554-No SMTP service 554-IP address is block listed. 554 See https://postmaster.gmx.net/en/case?c=r0103&i=ip
host     | 554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied
host     | 550 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]
host     | 504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname
host     | 550 5.1.1 Sender rejected: your domain has a poor reputation
host     | 550 SPF check failed: domain does not exist
host     | 550 5.1.1 Blocked by recipient's spam filter
host     | 521 5.2.1 :  (CON:B1)  https://postmaster.aol.com/error-codes#554conb1
host     | 550 authentication required
sender   | 550 5.1.0 <bounces@mail.acme.example> sender rejected
sender   | 550 5.1.8 <a@acme.example>: Sender address rejected: Domain not found
sender   | 553 5.1.8 <a@acme.example>... Domain of sender address a@acme.example does not exist
sender   | 550 5.1.8 <a@acme.example>: Domain does not exist
sender   | 553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)
storage  | 552 5.2.2 The email account that you tried to reach is over quota.
storage  | 550 5.2.2 STOREDRV.Deliver; mailbox full
storage  | 550 5.1.1 mailbox lead1@example.org is over quota
rate     | 550-5.2.1 The user is receiving mail at a rate that 550-5.2.1 prevents additional messages
rate     | 550 5.1.1 192.0.2.10 has sent to too many recipients this hour
rate     | 550 5.1.1 IB607 <lead1@example.com> 192.0.2.10 has exceeded its hourly limit
rate     | 550 5.2.1 Mailbox temporarily disabled: lead1@example.com
rate     | 550 Ip frequency limited. http://service.mail.qq.com/cgi-bin/help?no=1000725
rate     | Host or domain name not found. Name service error for name=example.org type=MX: Host not found, try again
content  | 552 5.3.4 Message size exceeds fixed limit
content  | 550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=abc
content  | 550 Mail content denied. http://service.mail.qq.com/cgi-bin/help?no=1000726
content  | 554 5.7.1 Message rejected under suspicion of SPAM
policy   | 554 5.7.1 <lead1@example.com>: Relay access denied
policy   | 550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized
policy   | 554 5.7.1 <lead1@example.com>: Recipient address rejected: Access denied
policy   | sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
policy   | 550 5.2.0 Mail rejected. OFR_506 [506]
policy   | 550 5.1.1 Rejected by local policy
policy   | 550 Mailbox unavailable or access denied [ABC+ IP: 192.0.2.1]
policy   | 550 Denied
system   | 554 5.4.6 Too many hops
system   | x-unix; procmail: Couldn't create "/var/spool/mail/lead1" id: No such user
unknown  | 550 no
unknown  | 554 DT:SPM 163 smtp8
"""


def lines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]


@pytest.mark.parametrize("words", lines(ADDRESS))
def test_a_missing_address_is_to_blame(words):
    assert blame(None, words) == "address"


@pytest.mark.parametrize(("blamed", "words"), [[part.strip() for part in line.split("|", 1)] for line in lines(OTHERS)])
def test_anything_else_is_not_the_address(blamed, words):
    assert blame(None, words) == blamed


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"])
def test_these_statuses_blame_the_address_by_themselves_and_not_beside_words_for_us(status):
    assert blame(status) == "address"
    assert blame(None, f"550 {status} no") == "address"
    assert blame(status, "550 rejected: 192.0.2.1 is on our blacklist") == "host"
    assert blame(status, "550 5.7.1 no") == "policy"


@pytest.mark.parametrize(
    "status", ["5.0.0", "5.1.0", "5.1.4", "5.1.7", "5.1.8", "5.2.2", "5.4.4", "5.7.1", "5.7.26", "4.1.1"]
)
def test_other_statuses_do_not(status):
    assert blame(status) != "address"


def test_a_refusal_for_now_blames_nobody_for_good():
    assert blame("4.1.1", "450 4.1.1 <lead1@example.org>: Recipient address rejected: User unknown") == "rate"


def test_what_a_report_encloses_is_not_asked():
    assert blame(None, "550 User unknown\n\nReceived: from mail (HELO spammer.example)\nX-Spam: yes\n") == "address"


# What becomes of a message -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "reply", "expected"),
    [
        ("RCPT", "550 5.1.1 User unknown", "bounced"),
        ("RCPT", "554 5.7.1 Client host [192.0.2.10] blocked using dnsbl.example", "deferred"),
        ("RCPT", "550 5.1.1 192.0.2.10 has sent to too many recipients this hour", "deferred"),
        ("RCPT", "552 5.2.2 Mailbox full", "deferred"),
        ("RCPT", "554 5.7.1 Relay access denied", "failed"),
        ("RCPT", "550 5.7.1 rejected: spam", "failed"),
        ("BODY", "550 5.1.1 User unknown", "bounced"),
        ("BODY", "554 5.7.1 spam", "failed"),
        ("BODY", "554 5.7.1 Your IP is on a blacklist", "deferred"),
        ("MAIL", "550 5.1.1 User unknown", "failed"),
        ("MAIL", "553 5.1.8 Domain of sender address does not exist", "failed"),
        ("DATA", "554 5.5.1 no valid recipients", "failed"),
    ],
)
def test_only_what_blames_the_address_bounces(stage: Stage, reply: str, expected: str):
    assert outcome_of(stage, Reply(int(reply[:3]), reply[4:])).outcome == expected


def refused(domain: str, breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.judge(Outcome("deferred", 554, "5.7.1", "5.7.1 blocked", blames_server=True), domain)


def test_a_domain_that_refuses_us_is_given_up_while_the_others_go_on():
    breaker = CircuitBreaker("mx.example:25")
    for number in range(REFUSALS_IN_A_ROW):
        assert breaker.takes("blocked.example"), number
        refused("blocked.example", breaker)
        breaker.judge(Outcome("sent", 250), "fine.example")
    assert not breaker.takes("blocked.example")
    assert breaker.takes("fine.example")
    assert breaker.stopped is None
    assert breaker.reasons == [
        "the mail server mx.example:25 refused 10 messages to blocked.example in a row,"
        " the last with: 554 5.7.1 blocked"
    ]


def test_a_message_that_goes_through_to_a_domain_starts_its_count_anew():
    breaker = CircuitBreaker("mx.example:25")
    for _ in range(5):
        refused("x.example", breaker, REFUSALS_IN_A_ROW - 1)
        breaker.judge(Outcome("sent", 250), "x.example")
    assert breaker.takes("x.example")


def test_of_many_domains_that_are_given_up_a_few_are_told():
    breaker = CircuitBreaker("mx.example:25")
    for number in range(50):
        for _ in range(REFUSALS_IN_A_ROW):
            refused(f"d{number}.example", breaker)
            breaker.judge(Outcome("sent", 250), "fine.example")
    assert len(breaker.reasons) == 4
    assert breaker.reasons[-1] == "and the same for 47 more domains"
