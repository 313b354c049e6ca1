"""Optional halves of this package: what is installed by an extra, and what to say where it is not.

Which packages an extra has stands in pyproject.toml. Who only runs ticks installs none of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Literal

from dagster_drips.errors import DripsError

Extra = Literal["alerts", "collector", "doctor", "inbox", "postgres", "report", "s3", "ui"]


@contextlib.contextmanager
def needs(extra: Extra) -> Generator[None]:
    """Import what an extra installs in the block.

    Raises:
        DripsError: it is not installed; the message says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dagster_drips"):
            raise
        message = f"{error.name} is not installed: pip install 'dagster-drips[{extra}]'"
        raise DripsError(message) from None
