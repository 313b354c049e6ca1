{#- Why these open enrollments end at this tick (L1): one row per enrollment that exits, with the first reason that holds.
    Used twice in a tick (T4): for what was open before, and for what the tick itself enrolled. `events`, and which of them match, are those that
    none of these enrollments was asked of before. -#}
{% macro exits_of(enrollments, events, matched_events) -%}
    with enrollments as {{ read_by_each() }} (
        select * from {{ enrollments }}
    )

    select
        enrollment_id,
        sequence_id,
        lead_id,
        case min(rank)
            when 1 then 'unsubscribed'
            when 2 then 'bounced'
            when 3 then 'complained'
            when 4 then 'converted'
            when 5 then 'exit_event'
            when 6 then 'replied'
            when 7 then 'left_segments'
            when 8 then 'archived'
        end as exit_reason
    from (

        -- 1 to 3: suppression; `manual` is reported as `unsubscribed`
        select
            enrollments.enrollment_id,
            enrollments.sequence_id,
            enrollments.lead_id,
            case suppressions.reason
                when 'unsubscribed' then 1
                when 'manual' then 1
                when 'bounced' then 2
                when 'complained' then 3
            end as rank
        from enrollments
        inner join {{ ref('live_sequences') }} as sequences
            on enrollments.sequence_id = sequences.sequence_id
        inner join {{ ref('stg_mailable_leads') }} as leads
            on enrollments.lead_id = leads.lead_id
        inner join {{ ref('current_suppressions') }} as suppressions
            on
                coalesce(leads.address, leads.unconfirmed_address) = suppressions.address
                and {{ suppression_applies('suppressions', 'sequences') }}

        union all

        {{ exits_by_doing('enrollments', events, matched_events, ref('response_facts'), as_of()) }}

        union all

        -- What a segment without a result would say is not known, and what a gate holds is not trusted (G1): then nobody left.
        select
            enrollments.enrollment_id,
            enrollments.sequence_id,
            enrollments.lead_id,
            7 as rank
        from enrollments
        inner join {{ ref('live_sequences') }} as sequences
            on enrollments.sequence_id = sequences.sequence_id and sequences.exits_on_leaving_segments
        left join (
            {{ held_sequences() }}
        ) as held
            on enrollments.sequence_id = held.sequence_id
        left join {{ ref('new_segment_results') }} as trigger_results
            on sequences.trigger_segment = trigger_results.segment
        left join {{ ref('segment_members') }} as trigger_members
            on
                sequences.trigger_segment = trigger_members.segment
                and enrollments.lead_id = trigger_members.lead_id
        left join (
            {{ outside_segments('enrollments') }}
        ) as outside
            on
                enrollments.sequence_id = outside.sequence_id
                and enrollments.lead_id = outside.lead_id
        where
            held.sequence_id is null
            and (
                outside.lead_id is not null
                or (trigger_results.segment is not null and trigger_members.lead_id is null)
            )

        union all

        select
            enrollments.enrollment_id,
            enrollments.sequence_id,
            enrollments.lead_id,
            8 as rank
        from enrollments
        inner join {{ ref('live_sequences') }} as sequences
            on enrollments.sequence_id = sequences.sequence_id and sequences.status = 'archived'

    ) as reasons
    group by enrollment_id, sequence_id, lead_id
{%- endmacro %}
