"""Links whose addresses hold values of the message: where each of them leads.

All other links of a step are led elsewhere once for all its messages (`html_document`). Here belongs what is left for
each message, which is done for every such link of it: values put into the address as browsers read it, and its token.
"""

from __future__ import annotations

import html as markup
import re
from collections.abc import Sequence

from dagster_drips.links.message_links import LinkMaker, Links
from dagster_drips.message.precompiled_body import PLACEHOLDER, filled
from dagster_drips.templating.html_tokens import address_of_link, attribute_value

_WEB = ("http://", "https://")
# What may become a character reference together with the value that follows.
_OPEN_REFERENCE = re.compile(r"&[#A-Za-z0-9]*\Z")


class PersonalLink:
    """An address that holds values.

    Args:
        source: the attribute as written, with placeholders.
    """

    def __init__(self, source: str):
        self._source = source
        parts = PLACEHOLDER.split(source)
        self._parts = [attribute_value(part) for part in parts]
        self._numbers = [int(part) for part in parts[1::2]]
        self._stands_alone = not any(_OPEN_REFERENCE.search(part) for part in parts[:-1:2])

    def address(self, values: Sequence[str]) -> str:
        """The address for one message, as browsers follow it: what they read in the attribute once it is filled.

        Args:
            values: of all placeholders of the document, escaped.
        """
        own = [values[number] for number in self._numbers]
        if self._stands_alone and "&" not in "".join(own):
            # No reference begins in a value or goes on in one: what stands around them was resolved before.
            parts = self._parts.copy()
            parts[1::2] = own
            return address_of_link("".join(parts))
        return address_of_link(attribute_value(filled(self._source, values)))


def led(found: Sequence[PersonalLink], values: Sequence[str], links: Links, maker: LinkMaker) -> list[str]:
    """What stands in a message in the place of such links: their addresses, by way of ours where they are tracked.

    Args:
        found: the links of the document.
        values: of its placeholders, escaped.
        links: of the message.
        maker: signs, and knows which addresses are ours already.

    Returns:
        Escaped, as the source of an attribute.
    """
    clicks = links.clicks
    ours = f"{maker.public_url}/" if maker.public_url else None
    written: list[str] = []
    for link in found:
        url = link.address(values)
        if clicks and is_web(url) and not (ours and url.startswith(ours)):
            url = clicks + maker.url_token(url)
        written.append(markup.escape(url))
    return written


def is_web(url: str) -> bool:
    """Whether an address is one of the web's, which clicks can be led to."""
    return url[:8].lower().startswith(_WEB)
