"""Landing: what others put into `data/landing` becomes rows in the schema `raw`, or of `raw.rejected_rows`.

`files` lists, `readers` read, `kinds` checks (with `checks`, `fields`, `properties`, `times`, `conversion`), `staging`
moves rows into the warehouse, `load` drives them. Deciding anything about leads or sending is not done here.
"""

from dagster_drips.landing.files import IgnoredFile, LandingFile, ignored_files, landing_files, pending_files
from dagster_drips.landing.load import LoadReport, load_again, load_landing

__all__ = [
    "IgnoredFile",
    "LandingFile",
    "LoadReport",
    "ignored_files",
    "landing_files",
    "load_again",
    "load_landing",
    "pending_files",
]
