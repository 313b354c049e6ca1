{{ config(materialized='view') }}

-- A view, without the name of a database, as lead_timeline: leads times steps are many, and it is asked for some of them. What it reads
-- beside marts is small, and published with it. Nothing is decided here: states and reasons are the decisions', predicates are macros'.
-- What is asked for in several places is mostly written out in each, as the text that DuckDB 1.5 keeps of a view can't say `not materialized`:
-- a filter for one lead reaches every table. Joins on true and no cross joins: it keeps commas for these, and
-- can't read them again before other joins.
with

tick as (

    select as_of from {{ source('raw', 'tick').include(database=false) }}

),

-- In one place, unlike what else is asked for in several: all of them ask for the same lead, which DuckDB pushes into it, and each
-- scan of all leads is 0.1 s of a million's.
people as (

    {{ explained_people() }}

),

-- Gates that hold a sequence at this tick, and what they found (G1).
gates as (

    select
        found.sequence_id,
        {{ joined_texts("found.gate || ' (' || found.reason || ')'", "'; '", 'found.gate') }} as held_by
    from {{ source('journal', 'sequence_gates').include(database=false) }} as found
    inner join tick
        on found.as_of = tick.as_of
    where found.is_holding
    group by found.sequence_id

),

steps as (

    select
        sequences.*,
        gates.held_by,
        steps.step_id,
        steps.position,
        steps.delay_seconds,
        steps.after_trigger,
        steps.rollout as step_rollout
    from {{ ref('live_sequences').include(database=false) }} as sequences
    inner join {{ source('raw', 'sequence_steps').include(database=false) }} as steps
        on sequences.sequence_id = steps.sequence_id
    left join gates
        on sequences.sequence_id = gates.sequence_id

),

-- Steps of enrollments that are resolved or next.
decided as (

    select
        lead_id,
        sequence_id,
        step_id,
        position,
        enrollment_id,
        {{ no_text() }} as occurrence_id,
        cast(null as timestamp) as occurred_at,
        state,
        reason,
        decided_at,
        scheduled_at,
        expires_at,
        retry_at,
        variant_id,
        detail
    from {{ ref('step_decisions').include(database=false) }}

),

-- The other steps of the file: what an enrollment has not come to, or never will (M1, L1, E8).
undecided as (

    select
        enrollments.lead_id,
        enrollments.sequence_id,
        steps.step_id,
        steps.position,
        enrollments.enrollment_id,
        {{ no_text() }} as occurrence_id,
        cast(null as timestamp) as occurred_at,
        case
            when enrollments.arm = 'control' then 'held_out'
            when enrollments.status <> 'active' then 'cut_off'
            when steps.position > coming.position then 'not_reached'
            else 'passed_over'
        end as state,
        case
            when enrollments.arm = 'control' then 'holdout'
            when enrollments.status <> 'active' then coalesce(enrollments.exit_reason, enrollments.status)
            when steps.position > coming.position then 'earlier_step'
            else 'passed_over'
        end as reason,
        case when enrollments.arm = 'control' then enrollments.enrolled_at else enrollments.closed_at end as decided_at,
        cast(null as timestamp) as scheduled_at,
        cast(null as timestamp) as expires_at,
        cast(null as timestamp) as retry_at,
        {{ no_text() }} as variant_id,
        coming.step_id as detail
    from {{ ref('enrollments').include(database=false) }} as enrollments
    inner join {{ source('raw', 'sequence_steps').include(database=false) }} as steps
        on enrollments.sequence_id = steps.sequence_id
    left join {{ source('raw', 'sequence_steps').include(database=false) }} as coming
        on
            enrollments.sequence_id = coming.sequence_id
            and enrollments.next_step_id = coming.step_id
    left join decided
        on
            enrollments.lead_id = decided.lead_id
            and enrollments.enrollment_id = decided.enrollment_id
            and steps.step_id = decided.step_id
    where decided.step_id is null

),

judged as (

    select
        *,
        row_number() over (
            partition by lead_id, sequence_id
            order by decided_at desc, occurred_at desc, occurrence_id desc
        ) as recency
    from {{ ref('enrollment_decisions').include(database=false) }}

),

-- Where the last occurrence did not enroll, what it came to (E3): for the first time, or once more.
turned_away_once as (

    select *
    from judged
    where
        recency = 1
        and decision <> 'enrolled'

),


turned_away as (

    select
        judged.lead_id,
        judged.sequence_id,
        steps.step_id,
        steps.position,
        {{ no_text() }} as enrollment_id,
        judged.occurrence_id,
        judged.occurred_at,
        'not_enrolled' as state,
        judged.decision as reason,
        judged.decided_at,
        cast(null as timestamp) as scheduled_at,
        cast(null as timestamp) as expires_at,
        cast(null as timestamp) as retry_at,
        {{ no_text() }} as variant_id,
        {{ no_text() }} as detail
    from turned_away_once as judged
    inner join steps
        on judged.sequence_id = steps.sequence_id

),

triggered as (

    {{ last_triggers_of(ref('lead_profiles').include(database=false), ref('live_sequences').include(database=false)) }}

),

-- Of whom nothing was ever judged, what an occurrence waits for (E3), or would: where nothing keeps it waiting, none counts. Whatever
-- else makes occurrences wait is a line here, and like every reason a sentence in the seed explanation_words.
unjudged as (

    select
        people.lead_id,
        steps.sequence_id,
        steps.step_id,
        steps.position,
        {{ no_text() }} as enrollment_id,
        {{ no_text() }} as occurrence_id,
        triggered.last_at as occurred_at,
        'not_judged' as state,
        case
            when steps.status <> 'active' then steps.status
            when not steps.is_running then 'paused'
            when steps.opens_at > tick.as_of then 'not_open'
            when not coalesce(steps.confirmation, false) and people.address_state = 'none' then 'no_address'
            when not coalesce(steps.confirmation, false) and people.address_state = 'unconfirmed' then 'unconfirmed'
            when steps.confirmation and people.address_state <> 'unconfirmed' then 'nothing_to_confirm'
            when not {{ in_sequence_rollout('steps.rollout', 'steps.sequence_id', 'people.lead_id') }} then 'rollout'
            when triggered.last_at is null then 'never_triggered'
            when triggered.last_at < {{ counts_from('steps') }} then 'before_opening'
            when steps.trigger_kind = 'segment_entered' and triggered.last_at <= steps.starts_at then 'before_opening'
            when steps.held_by is not null then 'gate'
            else 'no_occurrence'
        end as reason,
        tick.as_of as decided_at,
        cast(null as timestamp) as scheduled_at,
        cast(null as timestamp) as expires_at,
        cast(null as timestamp) as retry_at,
        {{ no_text() }} as variant_id,
        {{ no_text() }} as detail
    from people
    inner join steps on true
    inner join tick on true
    left join triggered
        on people.lead_id = triggered.lead_id and steps.sequence_id = triggered.sequence_id
    left join (
        select distinct lead_id, sequence_id from {{ ref('enrollment_decisions').include(database=false) }}
    ) as known
        on people.lead_id = known.lead_id and steps.sequence_id = known.sequence_id
    where known.lead_id is null

),

gathered as (

    {% for relation in ['decided', 'undecided', 'turned_away', 'unjudged'] -%}
    select * from {{ relation }}
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}

),

-- The values of all predicates, each as of when it was asked: at the decision, or of what is open now.
asked as (

    {{ asked_predicates_of('gathered', 'people', 'steps', 'turned_away_once', 'tick', 'gates') }}

),

explained as (

    {{ next_outcomes_of('asked') }}

)

select *
from (
    {{ explanations_in_words('explained') }}
) as worded
