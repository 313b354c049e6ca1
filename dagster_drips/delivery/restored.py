"""Files of the delivery journal that came back from a bucket: the runs that wrote them have ended.

What was claimed there may have gone out, and its outcome been lost with the machine. Here belongs ending such files;
bringing them is `object_store`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from dagster_drips.delivery.delivery_journal import OpenClaims, lock_if_free, read_records, settle
from dagster_drips.errors import DripsError


def settle_restored(files: Sequence[Path], *, now: Callable[[], datetime], resend: bool) -> None:
    """End files that have no end: every claim without an outcome is in doubt, begun or not, as after a power cut.

    Args:
        files: that were brought here.
        now: for a file that names no time.
        resend: make what is in doubt due again.

    Raises:
        DripsError: a file can't be read or written.
    """
    for path in files:
        try:
            with path.open("r+b") as file:
                state = OpenClaims()
                for records in read_records(file):
                    for record in records:
                        if record is not None:
                            state.take(record)
                if state.closed or not lock_if_free(file):
                    continue
                # The same machine may have written it, with another disk: what it had begun is not known either.
                state.boot_id = ""
                settle(file, state, now=now, resend=resend)
        except OSError as error:
            raise DripsError(f"can't be settled: {error.strerror}", file=path) from error
