"""Whether somebody asks not to be mailed any more, in the text or the subject of a mail.

A request must not be lost, and a reply that merely speaks of unsubscribing must not become one. So a passage is a
request only where every word of it is known to belong to one (`unsubscribe_words`): what is not known makes it a reply,
which a person reads. Which message it is about is in `attribution`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

from dagster_drips.inbox.unsubscribe_words import ASKS_HOW, GREETINGS, UNSPACED, WORDS

_LONGEST_WISH = 25  # words
_LONGEST_UNSPACED = 40  # characters
_READ_CHARACTERS = 600
_MOST_LINES = 6
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
# The link as we write it, with whatever a program has made of the space.
_OUR_LINK = re.compile(r"unsubscribe(?:%20|=20|&#32;|&nbsp;|[\W_])*([0-9a-f]{32})(?![0-9a-f])")
_GAP_AND_SPACE = r"((?: \S+){0,8}?) "
# What programs and gateways put in front of a subject: `[EXTERNAL]`, `***SPAM***`, `{Spam?}`, `(extern)`, `Re:`, `AW:`.
_TAG = re.compile(
    r"\s*(?:\[[^\[\]]{1,40}\]|\{[^{}]{1,40}\}|\([^()]{1,40}\)|\*{2,}[^*]{1,40}\*{2,}|<[^<>]{1,40}>)[\s:_-]*"
)
_REPLIES = re.compile(
    r"\s*(?:re|aw|antw|antwort|sv|vs|ref|rv|odp|ynt|res|r|回复|回覆|答复|답장)(?:\[\d+\])?\s?[:：]\s*", re.IGNORECASE
)
_FORWARDS = re.compile(r"\s*(?:fwd?|wg|tr|i|enc|doorst|vb|vl|pd|转发|轉寄)\s?[:：]\s*", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:mailto:)?<?[^\s<>@]{1,64}@[^\s<>@]{1,250}>?")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?;。！？])\s+|\n{2,}")
_GREETING_ENDS = re.compile(r"[,!.:;，、]|\n|$")


@dataclass(frozen=True)
class _Lexicon:
    strong: re.Pattern[str]
    weak: re.Pattern[str]
    asking: frozenset[str]
    fillers: frozenset[str]
    greetings: frozenset[str]
    unspaced: re.Pattern[str]
    asks_how: re.Pattern[str]


def message_in_subject(subject: str) -> str | None:
    """The message that a `mailto:` unsubscribe link's mail names: the word and an id in its subject.

    The id is the proof, so whatever programs have done to the subject is borne: tags in front, quotes, `%20`, `+`,
    underscores. An answer to such a mail is none.
    """
    plain, is_answer = bare_subject(subject)
    return None if is_answer else message_to_unsubscribe(plain)


def message_to_unsubscribe(text: str) -> str | None:
    """The message id in a text that has a word for unsubscribing before or behind it."""
    lowered = text[:_READ_CHARACTERS].lower()
    # An id may have been cut in two by a program that breaks lines.
    if ours := _OUR_LINK.search(lowered) or _OUR_LINK.search("".join(lowered.split())):
        return ours[1]
    decoded = unquote(lowered).replace("+", " ").replace("_", " ")
    found = _ID.search(decoded)
    return found.group() if found and _has_strong(decoded.replace(found.group(), " ")) else None


def bare_subject(subject: str) -> tuple[str, bool]:
    """A subject without what programs put in front of it, and whether that says that it is an answer."""
    is_answer = False
    text = subject
    for _ in range(10):
        if match := _REPLIES.match(text):
            is_answer = True
        else:
            match = _TAG.match(text) or _FORWARDS.match(text)
        if not match or not match.end():
            break
        text = text[match.end() :]
    return text.strip(), is_answer


def is_request(text: str) -> bool:
    """Whether a whole text is nothing but the request to get no more."""
    return _is_request(text, weak=True)


def asks_to_unsubscribe(subject: str, text: str) -> bool:
    """Whether a mail's subject is a request, or its text begins with one or has a sentence that is one.

    Args:
        subject: as it came.
        text: what the person wrote, without what they quote.
    """
    plain, is_answer = bare_subject(subject)
    if _is_request(plain, weak=not is_answer):
        return True
    begun = _without_greeting(text[:_READ_CHARACTERS].strip())
    if _begins_with_request(begun):
        return True
    sentences = _SENTENCE_ENDS.split(begun)
    if len(sentences) > 1 and _is_request(sentences[0], weak=False):
        return True
    # Further below stand the links of a newsletter that a program quotes without a sign: only who speaks for
    # themselves asks there.
    return any(_is_asking(sentence) and _is_request(sentence, weak=False) for sentence in sentences[1:])


def _begins_with_request(text: str) -> bool:
    """The first paragraph is a request, or its first lines are and what follows begins anew, as a signature does."""
    lines = text.split("\n\n", maxsplit=1)[0].split("\n")
    whole = len(lines)
    for count in range(min(whole, _MOST_LINES), 0, -1):
        ends = count == whole or not lines[count].lstrip()[:1].islower()
        if ends and _is_request(" ".join(lines[:count]), weak=True):
            return True
    return False


def _is_request(text: str, *, weak: bool) -> bool:
    lexicon = _lexicon()
    text = text[:_READ_CHARACTERS]
    stripped = "".join(text.split())
    if len(stripped) <= _LONGEST_UNSPACED and lexicon.unspaced.search(_plain(stripped)):
        return not lexicon.asks_how.search(stripped)
    words = _words(text)
    if not words or len(words) > _LONGEST_WISH or (text.rstrip().endswith(("?", "？")) and len(words) < 3):
        return False
    rest, found = lexicon.strong.subn(_between, f" {' '.join(words)} ")
    if weak:
        rest, further = lexicon.weak.subn(" ", rest)
        found += further
    return found > 0 and all(word in lexicon.fillers for word in rest.split())


def _between(match: re.Match[str]) -> str:
    """The words within a phrase that are not its own."""
    return f" {' '.join(filter(None, match.groups()))} "


def _has_strong(text: str) -> bool:
    lexicon = _lexicon()
    return bool(
        lexicon.strong.search(f" {' '.join(_words(text))} ")
        or lexicon.unspaced.search(_plain("".join(text[:_READ_CHARACTERS].split())))
    )


def _is_asking(text: str) -> bool:
    return not _lexicon().asking.isdisjoint(_words(text))


def _without_greeting(text: str) -> str:
    """Without "Hi Ada," in front, on a line of its own or not."""
    end = _GREETING_ENDS.search(text)
    words = _words(text[: end.start()] if end else "")
    if (
        end
        and words
        and len(words) <= 5
        and words[0] in _lexicon().greetings
        and not _is_request(text[: end.start()], weak=True)
    ):
        return text[end.end() :].lstrip(" ,!.:;\n")
    return text


def _words(text: str) -> list[str]:
    """Words without case and accents; an address is none, as people name their own."""
    return _WORD.findall(_ADDRESS.sub(" ", _plain(text).replace("’", "'")))


def _plain(text: str) -> str:
    """Without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(character for character in decomposed if not unicodedata.combining(character))
    # Letters of Japanese and Korean are put together again: there the marks distinguish letters.
    return unicodedata.normalize("NFC", kept)


@cache
def _lexicon() -> _Lexicon:
    strong, weak, asking, others = (
        {word for language in WORDS.values() for word in getattr(language, name).split()}
        for name in ("strong", "weak", "asking", "others")
    )
    unspaced = [_plain(phrase.replace("_", "")) for phrases in UNSPACED.values() for phrase in phrases.split()]
    return _Lexicon(
        strong=_any_of(strong),
        weak=_any_of(weak),
        asking=frozenset(_words(" ".join(asking))),
        fillers=frozenset(_words(" ".join(asking | others))),
        greetings=frozenset(_words(GREETINGS)),
        unspaced=re.compile("|".join(map(re.escape, unspaced))),
        asks_how=re.compile("|".join(map(re.escape, ASKS_HOW.split()))),
    )


def _any_of(phrases: set[str]) -> re.Pattern[str]:
    """Any of these, as words with single spaces around; the longest first, as a phrase goes before its own words."""
    parts = [[" ".join(_words(part.replace("_", " "))) for part in phrase.split("~")] for phrase in phrases]
    written = [_GAP_AND_SPACE.join(map(re.escape, ends)) for ends in parts]
    return re.compile(rf" (?:{'|'.join(sorted(written, key=len, reverse=True))})(?= )")
