"""Who is a mail system: authors, and subjects and words of reports that follow no standard.

Data and what is asked of it. What a report says of the address is in `bounces` and `bounce_reasons`.
"""

from __future__ import annotations

import re
from email.message import Message

from dagster_drips.inbox.mime import addresses, header

_MACHINES = re.compile(
    r"^(mailer-?daemon|mail-?daemon|post[-_]?master|mail-?delivery|bounces?|microsoftexchange\w*)\b", re.I
)
_MACHINE_NAMES = re.compile(
    r"""["'(]?(?:mail\sdelivery\s(?:system|subsystem|service|agent) | mailer[\s-]?daemon | mail\sadministrator
    | system\sadministrator | postmaster | microsoft\soutlook | mail\ssystem | mailsystem | delivery\ssubsystem
    | internet\smail\sdelivery | e-?mail\sdelivery | mdaemon)""",
    re.IGNORECASE | re.VERBOSE,
)
_FAILURE_SUBJECTS = re.compile(
    r"""\W*(?:(?:re:\s)?(?:undeliver(?:ed|able) | non[\s-]?deliver(?:y|able) | (?:mail|message)\sdelivery\s(?:fail
    |error|problem|status)
    | delivery\s(?:status\snotification|failure|failed|has\sfailed|error|problem|report|notification)
    | failure\snotice
    | returned\s(?:mail|message|to\ssender) | mail\s(?:system\serror|could\snot\sbe\sdelivered|failure)
    | message\s(?:could\snot\sbe|not|was\snot)\sdelivered | there\swas\san\serror\ssending\syour\smail
    | unzustellbar | nicht\szustellbar | unzustellbare | zustellung\sfehlgeschlagen | fehler\sbei\sder\szustellung
    | non\sremis | [ée]chec\sde\s(?:la\s)?(?:remise|distribution) | message\snon\s(?:distribu|d[ée]livr)
    | no\sse\s(?:puede|pudo|ha\spodido)\sentregar | error\sde\sentrega | no\sentregado | mensaje\sno\sentregado
    | onbestelbaar | mislukte\sbezorging | mancato\srecapito | recapito\snon\sriuscito | impossibile\srecapitare
    | n[ãa]o\sfoi\sposs[íi]vel\sentregar | falha\sna\sentrega | n[ãa]o\sentregue | mensagem\sn[ãa]o\sentregue
    | nie\smo[żz]na\sdostarczy[ćc] | niedostarczon | olevererbar | kan\sinte\slevereras | kan\sikke\sleveres
    | ei\svoida\stoimittaa | nedoru[čc] | не\sдоставлен | недоставлен | 配信不能 | 配信エラー | 送信エラー
    | 送達不能 | 退信 | 无法投递 | 無法傳遞
    | 배달되지 ))""",
    re.IGNORECASE | re.VERBOSE,
)
_WAITING = re.compile(
    r"""\b(?:delay(?:ed)?\b | warning\sonly | warning\smessage\sonly | do\snot\sneed\sto\sresend
    | will\s(?:be\sretried|be\sattempted
    |continue\sto\stry|retry|keep\strying) | still\sbeing\sretried | has\snot\syet\sbeen\sdelivered
    | verz[öo]ger )""",
    re.IGNORECASE | re.VERBOSE,
)
# RFC 5321 4.2: three digits and words, as a server was heard to say.
_REPLY_CODE = re.compile(r"(?:^|[\s:;(<\"'\[])[45][0-5]\d(?:[ \t-]|$)", re.MULTILINE)


def is_from_machine(message: Message) -> bool:
    """Whether a mail system may have written it: only such mails are searched for words of failure."""
    return bool(
        header(message, "Return-Path") == "<>"
        or header(message, "X-Failed-Recipients")
        or message.get_content_type() == "multipart/report"
        or is_by_mail_system(message)
    )


def is_by_mail_system(message: Message) -> bool:
    """Whether its author is a mail system by name, or its subject one of a mail system's."""
    author = header(message, "From")
    names = [address.partition("@")[0] for address in addresses(author)] or [author.strip("<>")]
    return bool(
        any(_MACHINES.match(name) for name in names)
        or _MACHINE_NAMES.match(author)
        or _FAILURE_SUBJECTS.match(header(message, "Subject"))
    )


def reports_failure(message: Message, words: str) -> bool:
    """Whether a mail system says that it gave up, in words that say no more than that: by its subject or a code."""
    by_subject = _FAILURE_SUBJECTS.match(header(message, "Subject"))
    return is_by_mail_system(message) and bool(by_subject or _REPLY_CODE.search(words))


def reports_delay(message: Message, words: str) -> bool:
    """Whether it says that it goes on trying."""
    return _WAITING.search(f"{header(message, 'Subject')}\n{words}") is not None
