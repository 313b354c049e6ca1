"""What stands between a project and mail that arrives: found out without sending any.

`examination` asks everything in order, one file a kind of question; `resolver` asks the DNS, `report` is what an answer
looks like. Nothing is fixed or changed here, and nothing is decided that a run would heed.
"""

from dagster_drips.doctor.examination import examine
from dagster_drips.doctor.report import Check, State
from dagster_drips.doctor.resolver import Resolver

__all__ = ["Check", "Resolver", "State", "examine"]
