"""An answer without what it quotes: the lines that a person wrote, found line by line.

The rules are those of mail programs: `>` in front of a line, "On … wrote:" in their languages, "-----Original
Message-----", and the header lines that Outlook repeats. Each line is looked at with the few that follow it, so the
work is linear in the text's length; libraries for this take cubic time, and strangers write what they read.
"""

from __future__ import annotations

import re

# How long a line that introduces a quote may be, and over how many lines a program may have broken it.
_LONGEST_INTRODUCTION = 300
_MOST_INTRODUCTION_LINES = 4
_MOST_HEADER_LINES = 6

_WROTE = re.compile(
    r"""\b(?:wrote|writes|said|schrieb|a\sécrit|a\secrit|escribió|escribio|ha\sscritto|scrisse|schreef|escreveu|skrev
    |napisał(?:\(a\)|a)?|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?|kirjoitti|írta|a\sscris|yazdı|yazdi|έγραψε
    |написал(?:\(а\)|а)?|писал(?:\(а\)|а)?|пишет|написав(?:\(ла\))?|đã\sviết|menulis)\b | 写道 | 寫道 | 작성
    | 書きました
    | のメール | wrote\b""",
    re.IGNORECASE | re.VERBOSE,
)
_OPENS = re.compile(
    r"""(?:on|am|le|el|il|op|em|den|dne|w\sdniu|dnia|il\sgiorno|vào|pe|pada|at|from|von|de|ons?|mon|tue|wed|thu|fri
    |sat
    |sun|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|man|tir|tor|lør|søn|pon|wt|śr|czw|pt|sob|niedz
    |ma|ti|ke|to|pe|la|su|mån|tis|fre|lör|sön|po|út|st|čt|pá|so|ne|пн|вт|ср|чт|пт|сб|вс|\d)""",
    re.IGNORECASE | re.VERBOSE,
)
_INTRODUCED = re.compile(r"[:：]\s*$")
_ADDRESS = re.compile(r"[<(\[]?[^\s<>@]{1,100}@[^\s<>@]{1,100}[>)\]]?")
_SEPARATOR = re.compile(r"[-_=*—–]{2,}\s?[^\W\d_][^-_=*]{2,60}[-_=*—–]{2,}")
_RULE = re.compile(r"_{10,}")
_FROM = re.compile(
    r"\*?(?:from|von|de|da|van|od|från|fra|lähettäjä|feladó|gönderen|kimden|από|от|від|差出人|发件人|寄件者"
    r"|보낸\s?사람)\s?[:：]\*?\s*\S",
    re.IGNORECASE,
)
_OTHER_FIELD = re.compile(
    r"""\*?(?:subject|sent|date|to|betreff|gesendet|datum|an|objet|envoyé|date|à|asunto|enviado(?:\sel|\sem)?|fecha
    |para
    |oggetto|inviato|data|a|onderwerp|verzonden|aan|assunto|temat|wysłano|do|wysłane|ämne|skickat|till|emne|sendt|til
    |aihe|lähetetty|vastaanottaja|předmět|odesláno|komu|předm|tárgy|elküldve|címzett|konu|kime|тема|отправлено|кому
    |дата|件名|宛先|送信日時|主题|收件人|发送时间|時間|받는\s?사람|제목)\s?[:：]""",
    re.IGNORECASE | re.VERBOSE,
)


def without_quotes(text: str) -> str:
    """The first passage that a person wrote: above the quote, else between or below what is quoted."""
    lines = [line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    passage: list[str] = []
    place = 0
    while place < len(lines):
        skipped = _introduction(lines, place)
        if skipped:
            if any(passage):
                break
            passage = []
            place += skipped
        else:
            if not lines[place].startswith((">", "|>")):
                passage.append(lines[place])
            place += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(passage)).strip()


def _introduction(lines: list[str], place: int) -> int:
    """How many lines from here on introduce a quote; 0: none."""
    line = lines[place]
    if not line or len(line) > _LONGEST_INTRODUCTION:
        return 0
    if _SEPARATOR.fullmatch(line) or _RULE.fullmatch(line):
        return 1 + _header_lines(lines, place + 1)
    if headers := _header_lines(lines, place):
        return headers
    return _attribution(lines, place)


def _header_lines(lines: list[str], place: int) -> int:
    """A block such as From, Sent, To, Subject that Outlook puts above a quote."""
    if place >= len(lines) or not _FROM.match(lines[place][:_LONGEST_INTRODUCTION]):
        return 0
    count = 1
    fields = 0
    for line in lines[place + 1 : place + _MOST_HEADER_LINES]:
        if not line:
            break
        fields += bool(_OTHER_FIELD.match(line[:_LONGEST_INTRODUCTION]))
        count += 1
    return count if fields else 0


def _attribution(lines: list[str], place: int) -> int:
    """A sentence such as "On Monday Ada <ada@acme.example> wrote:", which may go over several lines."""
    joined = ""
    for count, line in enumerate(lines[place : place + _MOST_INTRODUCTION_LINES], start=1):
        joined = f"{joined} {line}".strip()
        if not line or len(joined) > _LONGEST_INTRODUCTION:
            return 0
        if not _OPENS.match(joined) and not any(character.isdigit() for character in joined):
            return 0
        if not _INTRODUCED.search(line):
            continue
        dated = any(character.isdigit() for character in joined)
        if (_WROTE.search(joined) and (dated or "@" in joined or count == 1)) or (dated and _ADDRESS.search(joined)):
            return count
        return 0
    return 0
