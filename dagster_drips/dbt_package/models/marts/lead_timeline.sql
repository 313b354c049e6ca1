{{ config(materialized='view') }}

-- A view, over marts alone and without the name of a database: one person's story is asked for one person, and all of them together
-- would be the largest table that is published.
with

people as (

    select
        lead_id,
        created_at as occurred_at,
        1 as turn,
        'lead' as kind,
        'created' as what,
        {{ no_text() }} as detail,
        {{ no_text() }} as sequence_id,
        {{ no_text() }} as step_id,
        lead_id as source_id
    from {{ ref('lead_profiles').include(database=false) }}

),

events as (

    select
        lead_id,
        occurred_at,
        2 as turn,
        'event' as kind,
        event as what,
        {{ no_text() }} as detail,
        {{ no_text() }} as sequence_id,
        {{ no_text() }} as step_id,
        event_id as source_id
    from {{ ref('drips', 'events').include(database=false) }}

),

-- Those that came about by a message are told by what happened to it.
suppressions as (

    select
        leads.lead_id,
        consent.since as occurred_at,
        3 as turn,
        'suppression' as kind,
        consent.status as what,
        consent.topic as detail,
        {{ no_text() }} as sequence_id,
        {{ no_text() }} as step_id,
        consent.address as source_id
    from {{ ref('consent').include(database=false) }} as consent
    inner join {{ ref('lead_profiles').include(database=false) }} as leads
        on consent.address = {{ address('leads.email') }}
    where
        consent.source in ('list', 'soft_bounces', 'forgotten')
        and consent.since is not null

),

segment_changes as (

    select
        lead_id,
        entered_at as occurred_at,
        4 as turn,
        'segment' as kind,
        'entered' as what,
        {{ no_text() }} as detail,
        {{ no_text() }} as sequence_id,
        {{ no_text() }} as step_id,
        segment as source_id
    from {{ ref('segment_memberships').include(database=false) }}

    union all

    select
        lead_id,
        left_at,
        4,
        'segment',
        'left',
        null,
        null,
        null,
        segment
    from {{ ref('segment_memberships').include(database=false) }}
    where left_at is not null

),

closings as (

    select
        lead_id,
        closed_at as occurred_at,
        case status when 'exited' then 5 else 10 end as turn,
        'enrollment' as kind,
        status as what,
        exit_reason as detail,
        sequence_id,
        {{ no_text() }} as step_id,
        enrollment_id as source_id
    from {{ ref('enrollments').include(database=false) }}
    where closed_at is not null

),

decisions as (

    select
        lead_id,
        decided_at as occurred_at,
        6 as turn,
        'decision' as kind,
        decision as what,
        arm as detail,
        sequence_id,
        {{ no_text() }} as step_id,
        occurrence_id as source_id
    from {{ ref('enrollment_decisions').include(database=false) }}

),

skipped_steps as (

    select
        lead_id,
        decided_at as occurred_at,
        7 as turn,
        'step' as kind,
        state as what,
        reason as detail,
        sequence_id,
        step_id,
        message_id as source_id
    from {{ ref('step_decisions').include(database=false) }}
    where state = 'skipped'

),

-- By the tick, as what its reader does counts from then on at the earliest.
attempts as (

    select
        lead_id,
        attempted_as_of as occurred_at,
        8 as turn,
        'mail' as kind,
        outcome as what,
        variant_id as detail,
        sequence_id,
        step_id,
        message_id as source_id
    from {{ ref('message_attempts').include(database=false) }}

),

answers as (

    select
        lead_id,
        effective_at as occurred_at,
        9 as turn,
        'engagement' as kind,
        type as what,
        case when machine_rule is null then coalesce(link, topic) else 'machine' end as detail,
        sequence_id,
        step_id,
        message_id as source_id
    from {{ ref('drips', 'engagement').include(database=false) }}

)

{% for relation in [
    'people', 'events', 'suppressions', 'segment_changes', 'closings', 'decisions', 'skipped_steps', 'attempts', 'answers'
] -%}
select
    lead_id,
    occurred_at,
    turn,
    kind,
    what,
    detail,
    sequence_id,
    step_id,
    source_id
from {{ relation }}
{% if not loop.last -%}
union all
{% endif -%}
{% endfor -%}
