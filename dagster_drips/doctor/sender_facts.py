"""What the doctor needs to know of a sender, whether it is an identity or stands in a sequence.

Only the type; it is filled in `senders`.
"""

from __future__ import annotations

from dataclasses import dataclass

from dagster_drips.doctor.resolver import ascii_domain
from dagster_drips.settings import DEFAULT_SERVER, variable_of


@dataclass(frozen=True)
class SenderFacts:
    """What the doctor needs to know of a sender.

    Args:
        name: an identity's id, or an inline sender's address.
        email: the From address.
        reply_to: None: answers go to `email`.
        return_path: the envelope sender; None: `email`.
        servers: names of servers, in the order in which they are tried.
        dkim_selector: None: its messages are not signed here.
        dkim_domain: None without a selector.
        is_identity: whether it stands in `senders.yml`.
    """

    name: str
    email: str
    reply_to: str | None = None
    return_path: str | None = None
    servers: tuple[str, ...] = (DEFAULT_SERVER,)
    dkim_selector: str | None = None
    dkim_domain: str | None = None
    is_identity: bool = False

    @property
    def from_domain(self) -> str:
        """The domain that readers see, in ASCII."""
        return domain_of(self.email)

    @property
    def reply_domain(self) -> str:
        """Where answers go, in ASCII."""
        return domain_of(self.reply_to or self.email)

    @property
    def return_domain(self) -> str:
        """Where bounces go, in ASCII."""
        return domain_of(self.return_path or self.email)

    @property
    def key_variable(self) -> str:
        """The setting that holds its private key."""
        return variable_of("DKIM_KEY", self.name)


def domain_of(address: str) -> str:
    """The domain of an address, as the DNS has it."""
    return ascii_domain(address.strip().rpartition("@")[2])
