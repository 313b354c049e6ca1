{{ config(materialized='table', meta={'empty_without': ['unjudged_occurrences']}) }}

with

held_sequences as (

    {{ held_sequences() }}

),

waiting as {{ materialized() }} (

    select * from {{ ref('unjudged_occurrences') }}

),

-- What is known of these leads, of all that was ever decided.
earlier_decisions as {{ materialized() }} (

    select
        sequence_id,
        lead_id,
        occurrence_id,
        occurred_at,
        decision
    from {{ source('earlier', 'enrollment_decisions') }}
    where lead_id in (select lead_id from waiting)

),

-- An occurrence waits until its sequence runs, no gate holds it (G1), and its lead is visible with an address, and let in by
-- now (E9); then it is judged once (E3). A confirmation's wait for an address that is to be confirmed.
unjudged as {{ materialized() }} (

    select
        occurrences.*,
        case when sequences.confirmation then leads.unconfirmed_address else leads.address end as address
    from waiting as occurrences
    inner join {{ ref('live_sequences') }} as sequences
        on
            occurrences.sequence_id = sequences.sequence_id
            and sequences.is_running
            and sequences.opens_at <= {{ as_of() }}
    inner join {{ ref('stg_mailable_leads') }} as leads
        on
            occurrences.lead_id = leads.lead_id
            and case when sequences.confirmation then leads.unconfirmed_address else leads.address end is not null
    left join earlier_decisions as earlier
        on
            occurrences.sequence_id = earlier.sequence_id
            and occurrences.lead_id = earlier.lead_id
            and occurrences.occurrence_id = earlier.occurrence_id
    left join held_sequences
        on occurrences.sequence_id = held_sequences.sequence_id
    where
        earlier.occurrence_id is null
        and held_sequences.sequence_id is null
        and {{ in_sequence_rollout('sequences.rollout', 'occurrences.sequence_id', 'occurrences.lead_id') }}

),

still_open as (

    select
        enrollments.sequence_id,
        enrollments.lead_id
    from {{ ref('open_enrollments') }} as enrollments
    left join {{ ref('open_enrollment_exits') }} as exits
        on enrollments.enrollment_id = exits.enrollment_id
    where
        exits.enrollment_id is null
        and enrollments.lead_id in (select lead_id from unjudged)
    group by enrollments.sequence_id, enrollments.lead_id

),

previous as (

    select
        sequence_id,
        lead_id,
        max(occurred_at) as latest_triggered_at
    from earlier_decisions
    where decision = 'enrolled'
    group by sequence_id, lead_id

),

suppressed as (

    select distinct
        unjudged.sequence_id,
        unjudged.address
    from unjudged
    inner join {{ ref('live_sequences') }} as sequences
        on unjudged.sequence_id = sequences.sequence_id
    inner join {{ ref('current_suppressions') }} as suppressions
        on
            unjudged.address = suppressions.address
            and {{ suppression_applies('suppressions', 'sequences') }}

),

outside as (

    {{ outside_segments('unjudged') }}

),

with_rejection_reason as (

    select
        unjudged.*,
        sequences.holdout,
        {{ project_holdout_of('sequences.project_holdout', 'sequences.transactional', 'sequences.confirmation') }} as project_holdout,
        case
            when suppressed.address is not null then 'suppressed'
            when {{ as_of() }} > {{ add_seconds('unjudged.occurred_at', 'sequences.trigger_max_age_seconds') }} then 'too_old'
            when outside.lead_id is not null then 'outside_segments'
            when still_open.lead_id is not null then 'already_enrolled'
            when
                previous.lead_id is not null
                and (
                    sequences.reentry = 'never'
                    or (
                        sequences.reentry = 'after'
                        and unjudged.occurred_at
                        < {{ add_seconds('previous.latest_triggered_at', 'sequences.reentry_seconds') }}
                    )
                )
                then 'reentry'
        end as rejection_reason
    from unjudged
    inner join {{ ref('live_sequences') }} as sequences
        on unjudged.sequence_id = sequences.sequence_id
    left join suppressed
        on unjudged.sequence_id = suppressed.sequence_id and unjudged.address = suppressed.address
    left join outside
        on unjudged.sequence_id = outside.sequence_id and unjudged.lead_id = outside.lead_id
    left join still_open
        on unjudged.sequence_id = still_open.sequence_id and unjudged.lead_id = still_open.lead_id
    left join previous
        on unjudged.sequence_id = previous.sequence_id and unjudged.lead_id = previous.lead_id

),

-- The first occurrence without a reason for rejection enrolls; it counts for the later ones of this tick (E4).
with_enrolled_before as (

    select
        *,
        coalesce(
            sum(case when rejection_reason is null then 1 else 0 end) over (
                partition by sequence_id, lead_id
                order by occurred_at, occurrence_id
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as enrolled_before
    from with_rejection_reason

),

limits as (

    select
        limits.sequence_id,
        limits.stop_above,
        waivers.gate is not null as is_waived
    from {{ source('raw', 'sequence_gate_limits') }} as limits
    left join (
        {{ current_waivers() }}
    ) as waivers
        on limits.sequence_id = waivers.sequence_id and limits.gate = waivers.gate
    where limits.gate = 'max_new_enrollments'

),

decided as (

    select
        *,
        case
            when rejection_reason in ('suppressed', 'too_old', 'outside_segments') then rejection_reason
            when enrolled_before > 0 then 'already_enrolled'
            else coalesce(rejection_reason, 'enrolled')
        end as decision
    from with_enrolled_before

),

-- So many that somebody should look first: then none of the sequence is judged at this tick (G1).
counted as (

    select
        decided.*,
        coalesce(limits.is_waived, false) as is_waived,
        coalesce(
            sum(case when decided.decision = 'enrolled' then 1 else 0 end) over (partition by decided.sequence_id)
            > limits.stop_above,
            false
        ) as is_over_limit
    from decided
    left join limits
        on decided.sequence_id = limits.sequence_id

)

select
    sequence_id,
    lead_id,
    occurrence_id,
    occurred_at,
    {{ as_of() }} as decided_at,
    decision,
    case
        when decision = 'enrolled' then md5(sequence_id || ':' || lead_id || ':' || occurrence_id)
    end as enrollment_id,
    case
        when decision <> 'enrolled' then null
        when {{ project_bucket('lead_id') }} < project_holdout then 'control'
        when {{ bucket("'holdout:' || sequence_id || ':' || lead_id") }} < holdout then 'control'
        else 'treatment'
    end as arm,
    is_over_limit,
    is_over_limit and not is_waived as is_held
from counted
