{#- What can enroll somebody (E1), as far as it counts for a sequence (E2, S1). `sequences` has the columns of `live_sequences`. -#}

{#- Events that are a sequence's trigger: one row an event. -#}
{% macro occurrences_of_events(sequences, matched_events) -%}
    select
        sequences.sequence_id,
        events.lead_id,
        events.event_id as occurrence_id,
        events.occurred_at
    from {{ sequences }} as sequences
    inner join {{ matched_events }} as events
        on sequences.sequence_id = events.sequence_id and events.role = 'trigger'
    where
        events.occurred_at >= {{ counts_from('sequences') }}
{%- endmacro %}

{#- Leads of sequences that greet new ones: one row a lead. Whether it counts is `counts`, as a lead's creation may turn out to be earlier. -#}
{% macro occurrences_of_leads(sequences, leads) -%}
    select
        sequences.sequence_id,
        leads.lead_id,
        'lead_created:' || leads.lead_id as occurrence_id,
        leads.created_at as occurred_at,
        coalesce(leads.created_at >= {{ counts_from('sequences') }}, false) as counts
    from {{ sequences }} as sequences
    inner join {{ leads }} as leads
        on sequences.trigger_kind = 'lead_created'
{%- endmacro %}

{#- Entries of a segment after the sequence's start: one row an entry. A start lies before the opening where `active_from` was moved later
    since: what is dated before that counts no more. -#}
{% macro occurrences_of_entries(sequences, segment_changes) -%}
    select
        sequences.sequence_id,
        changes.lead_id,
        changes.segment || '@' || {{ instant_text('changes.as_of') }} as occurrence_id,
        changes.as_of as occurred_at
    from {{ sequences }} as sequences
    inner join {{ segment_changes }} as changes
        on
            sequences.trigger_segment = changes.segment
            and changes.is_entry
            and changes.as_of > sequences.starts_at
            and changes.as_of >= sequences.opens_at
{%- endmacro %}

{#- Members of a segment at the sequence's start, which count with `include_existing` only: one row a member. Needs all changes there ever were. -#}
{% macro occurrences_of_members(sequences, segment_changes) -%}
    select
        sequences.sequence_id,
        changes.lead_id,
        sequences.trigger_segment || '@' || {{ instant_text('sequences.starts_at') }} as occurrence_id,
        sequences.starts_at as occurred_at
    from {{ sequences }} as sequences
    inner join {{ segment_changes }} as changes
        on
            sequences.trigger_segment = changes.segment
            and changes.as_of <= sequences.starts_at
    where
        sequences.include_existing
        and sequences.starts_at >= sequences.opens_at
    group by sequences.sequence_id, sequences.trigger_segment, sequences.starts_at, changes.lead_id
    having sum(case changes.change when 'entered' then 1 else -1 end) > 0
{%- endmacro %}

{#- Changes of segments, those of this tick included: once its decisions are committed the journal has them, too. -#}
{% macro known_segment_changes() -%}
    select segment, lead_id, as_of, change, is_entry from {{ source('earlier', 'segment_changes') }}

    union all

    select
        changes.segment,
        changes.lead_id,
        changes.as_of,
        changes.change,
        changes.is_entry
    from {{ ref('new_segment_changes') }} as changes
    left join {{ source('earlier', 'segment_changes') }} as committed
        on
            changes.segment = committed.segment
            and changes.lead_id = committed.lead_id
            and changes.as_of = committed.as_of
            and changes.change = committed.change
    where committed.segment is null
{%- endmacro %}

{#- Those of these occurrences that may be judged now as gates are concerned: what entered a segment while its sequence was held may have been a
    mistake, and counts as long as it is a member (G1). `occurrences` has the columns of the macros above. -#}
{% macro without_mistaken_entries(occurrences) -%}
    select occurrences.*
    from {{ occurrences }} as occurrences
    inner join {{ ref('live_sequences') }} as sequences
        on occurrences.sequence_id = sequences.sequence_id
    left join (
        select distinct
            sequence_id,
            as_of
        from {{ source('earlier', 'sequence_gates') }}
        where is_holding
    ) as held_entries
        on
            sequences.trigger_kind = 'segment_entered'
            and occurrences.sequence_id = held_entries.sequence_id
            and occurrences.occurred_at = held_entries.as_of
    left join {{ ref('segment_members') }} as members
        on sequences.trigger_segment = members.segment and occurrences.lead_id = members.lead_id
    where
        held_entries.sequence_id is null
        or members.lead_id is not null
{%- endmacro %}
