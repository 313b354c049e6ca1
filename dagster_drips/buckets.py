"""The address of a bucket, and of a folder in it, as `DRIPS_OBJECT_STORE_URL` has it.

Only the form: who may read it, and what lies there, is `object_store`'s matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(r"s3://([a-z0-9][a-z0-9._-]{1,62})((?:/[A-Za-z0-9!_.*'()=-]+)*)/?")


@dataclass(frozen=True)
class Bucket:
    """A bucket and a prefix of its keys.

    Args:
        name: the bucket's.
        prefix: of all keys, without slashes around it; empty where there is none.
    """

    name: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Bucket:
        """What a URL says.

        Raises:
            ValueError: it is none of ours.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None or {".", ".."} & set(found[2].split("/")):
            raise ValueError("not a bucket; write it like s3://acme-drips/production")
        return cls(found[1], found[2].strip("/"))

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}".rstrip("/")
