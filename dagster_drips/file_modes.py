"""Who may read what we write: landed rows, journals, the warehouse and what is published hold people's data.

Every way in (the command line, the collector's workers, Dagster's code location) calls this first. It sets the
process' umask, so it holds for files that libraries make too, and for processes that are started from here. The setting
is one of `settings`, and is read by itself here: before anything is written, and whatever is wrong with the others.
"""

from __future__ import annotations

import os

from dotenv import dotenv_values

from dagster_drips.errors import DripsError
from dagster_drips.project import Project

VARIABLE = "DRIPS_FILE_MODE"
_MASKS = {"0600": 0o077, "0640": 0o027}


def protect_new_files(project: Project) -> None:
    """Let new files be read by their owner alone, or by its group where DRIPS_FILE_MODE is `0640`; folders alike.

    Modes of files that are there already stay as they are.

    Args:
        project: its `.env` counts where the environment has no such variable.

    Raises:
        DripsError: the setting is neither.
    """
    mode = os.environ.get(VARIABLE) or _from_file(project) or "0600"
    if mode not in _MASKS:
        raise DripsError(f"{VARIABLE}: {mode!r} is no mode of ours; 0600 (the default) or 0640")
    os.umask(_MASKS[mode])


def _from_file(project: Project) -> str | None:
    # A file that can't be read is told by whoever wants settings from it.
    try:
        return dotenv_values(project.root / ".env", encoding="utf-8").get(VARIABLE)
    except (OSError, UnicodeDecodeError):
        return None
