"""What explanations owe to decisions, in any warehouse with its marts built."""

from __future__ import annotations

from dagster_drips.warehouse import Warehouse

COLUMNS = "lead_id, sequence_id, enrollment_id, step_id, state, reason, decided_at"
DECIDED = f"""
select {COLUMNS} from marts.explanations
where state in ('waiting', 'due', 'sent', 'skipped', 'failed', 'in_doubt')
order by all
"""


def rows_say_what_was_decided(warehouse: Warehouse) -> None:
    """Every lead has every live step; reasons are those of step_decisions, enrollments and enrollment_decisions."""
    assert warehouse.rows(DECIDED) == warehouse.rows(f"select {COLUMNS} from marts.step_decisions order by all")
    keys = "lead_id, sequence_id, step_id, enrollment_id"
    assert warehouse.value(f"select count(*) = count(distinct ({keys})) from marts.explanations")
    lacking = """
        select leads.lead_id, steps.sequence_id, steps.step_id
        from marts.lead_profiles as leads cross join raw.sequence_steps as steps
        anti join marts.explanations as told
            on leads.lead_id = told.lead_id and steps.sequence_id = told.sequence_id and steps.step_id = told.step_id
    """
    assert warehouse.rows(lacking) == []
    turned_away = """
        select distinct lead_id, sequence_id, reason, decided_at from marts.explanations
        where state = 'not_enrolled' order by all
    """
    last = """
        select lead_id, sequence_id, last_decision as reason, last_decided_at as decided_at from marts.lead_sequences
        where last_decision <> 'enrolled' order by all
    """
    assert warehouse.rows(turned_away) == warehouse.rows(last)
    cut_off = """
        select told.state, told.reason, enrollments.status, enrollments.exit_reason, enrollments.arm
        from marts.explanations as told inner join marts.enrollments as enrollments using (enrollment_id)
        where told.state in ('cut_off', 'held_out', 'not_reached', 'passed_over')
    """
    for row in warehouse.rows(cut_off):
        expected = row["exit_reason"] or row["status"]
        assert {"cut_off": row["reason"] == expected, "held_out": row["arm"] == "control"}.get(
            row["state"], row["status"] == "active"
        ), row
    assert warehouse.rows("select * from marts.explanations where rule is null or text is null") == []
    # No value that a sentence names is missing.
    assert warehouse.rows("select text from marts.explanations where contains(text, '{') or text like '% -%'") == []
    unjudged = """
        select count(*) from marts.explanations as told
        inner join marts.enrollment_decisions as decisions using (lead_id, sequence_id)
        where told.state = 'not_judged'
    """
    assert warehouse.value(unjudged) == 0


def nobody_waits_in_vain(warehouse: Warehouse) -> None:
    waiting = """
        select distinct occurrences.sequence_id, occurrences.lead_id, told.reason
        from decide.occurrences as occurrences
        anti join journal.enrollment_decisions as decisions using (sequence_id, lead_id, occurrence_id)
        inner join marts.explanations as told using (sequence_id, lead_id)
        where told.state = 'not_judged'
    """
    reasons = {row["reason"] for row in warehouse.rows(waiting)}
    assert reasons & {"never_triggered", "before_opening", "no_occurrence"} == set()
