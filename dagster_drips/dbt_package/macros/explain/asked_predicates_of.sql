{#- The values of all that a decision asked about: `rows` with a column a predicate, JSON where there are several. What was decided is looked at as of
    its tick, as far as that is on record; what is open, as of this one. -#}
{% macro asked_predicates_of(rows, people, steps, judged, tick, gates) -%}
    with

    -- E5: of whoever was turned away as of then, of all others as of now
    asked_segments as (

        select
            people.lead_id,
            named.sequence_id,
            tick.as_of as asked_at,
            named.role,
            named.segment
        from {{ people }} as people
        inner join {{ source('raw', 'sequence_segments').include(database=false) }} as named on true
        inner join {{ tick }} as tick on true

        union distinct

        select
            judged.lead_id,
            named.sequence_id,
            judged.decided_at as asked_at,
            named.role,
            named.segment
        from {{ judged }} as judged
        inner join {{ source('raw', 'sequence_segments').include(database=false) }} as named
            on judged.sequence_id = named.sequence_id

    ),

    segments as (

        select
            asked.lead_id,
            asked.sequence_id,
            asked.asked_at,
            {{ json_list(
                json_of("'role', asked.role, 'segment', asked.segment, 'is_member', members.lead_id is not null, 'since', "
                ~ instant_text('members.entered_at') ~ ", 'refreshed_at', " ~ instant_text('results.refreshed_at')),
                ["asked.role <> 'include'", 'asked.segment']
            ) }} as segments,
            {{ joined_texts(
                "asked.role || ' ' || asked.segment
                || case when members.lead_id is null then ' (no member' else ' (a member since ' || " ~ instant_text('members.entered_at') ~ " end
                || coalesce(', asked ' || " ~ instant_text('results.refreshed_at') ~ ", '') || ')'",
                "', '",
                'asked.role desc, asked.segment'
            ) }} filter (where {{ is_kept_out('asked.role', 'members.lead_id is not null') }}) as outside
        from asked_segments as asked
        left join {{ ref('segment_memberships').include(database=false) }} as members
            on
                asked.segment = members.segment
                and asked.lead_id = members.lead_id
                and asked.asked_at >= members.entered_at
                and asked.asked_at < coalesce(members.left_at, timestamp '9999-12-31')
        -- Only a result that was kept (E10) is told apart from the tick.
        left join {{ source('journal', 'segment_results').include(database=false) }} as results
            on
                asked.segment = results.segment
                and asked.asked_at = results.as_of
                and results.refreshed_at < results.as_of
        group by asked.lead_id, asked.sequence_id, asked.asked_at

    ),

    -- M6: of what is resolved as of its tick, of all else as of now
    asked_conditions as (

        select
            enrollments.lead_id,
            enrollments.enrollment_id,
            enrollments.triggered_at,
            conditions.step_id,
            conditions.polarity,
            conditions.kind,
            conditions.value,
            case when decisions.state in ('sent', 'skipped', 'failed') then decisions.decided_at else tick.as_of end as asked_at
        from {{ ref('enrollments').include(database=false) }} as enrollments
        inner join {{ source('raw', 'step_conditions').include(database=false) }} as conditions
            on enrollments.sequence_id = conditions.sequence_id
        inner join {{ tick }} as tick on true
        left join {{ ref('step_decisions').include(database=false) }} as decisions
            on
                enrollments.lead_id = decisions.lead_id
                and enrollments.enrollment_id = decisions.enrollment_id
                and conditions.step_id = decisions.step_id

    ),

    engagement as (

        select
            messages.lead_id,
            messages.enrollment_id,
            messages.step_id,
            facts.type,
            facts.is_human,
            facts.effective_at
        from {{ ref('drips', 'engagement').include(database=false) }} as facts
        inner join {{ ref('messages').include(database=false) }} as messages
            on
                facts.lead_id = messages.lead_id
                and facts.message_id = messages.message_id
        where facts.type in ('opened', 'clicked')

    ),

    met_conditions as (

        {{ met_conditions_of(
            'asked_conditions',
            ref('segment_memberships').include(database=false),
            ref('drips', 'events').include(database=false),
            'engagement',
            'asked.asked_at',
            are_spells=true
        ) }}

    ),

    conditions as (

        select
            asked.lead_id,
            asked.enrollment_id,
            asked.step_id,
            {{ json_list(
                json_of("'polarity', asked.polarity, 'kind', asked.kind, 'value', asked.value, 'is_met', met.step_id is not null"),
                ['asked.polarity', 'asked.kind', 'asked.value']
            ) }} as conditions,
            {{ joined_texts(
                "asked.polarity || ' ' || asked.kind || ' ' || asked.value || case when met.step_id is null then ' (no)' else ' (yes)' end",
                "', '",
                'asked.polarity, asked.kind, asked.value'
            ) }} filter (where {{ condition_fails('asked.polarity', 'met.step_id is not null') }}) as failing
        from asked_conditions as asked
        left join met_conditions as met
            on
                asked.lead_id = met.lead_id
                and asked.enrollment_id = met.enrollment_id
                and asked.step_id = met.step_id
                and asked.polarity = met.polarity
                and asked.kind = met.kind
                and asked.value = met.value
        group by asked.lead_id, asked.enrollment_id, asked.step_id

    ),

    -- L3
    reasons as (

        select
            address,
            status as reason,
            topic,
            since,
            source
        from {{ ref('consent').include(database=false) }}
        where status in ('unsubscribed', 'bounced', 'complained', 'manual')

    ),

    suppressions as (

        select
            people.lead_id,
            sequences.sequence_id,
            {{ json_list(
                json_of("'reason', reasons.reason, 'topic', reasons.topic, 'since', " ~ instant_text('reasons.since')
                ~ ", 'source', reasons.source"),
                ["coalesce(reasons.topic, '')"]
            ) }} as suppressions,
            {{ joined_texts(
                "reasons.reason || coalesce(' ' || reasons.topic, '')
                || coalesce(' since ' || " ~ instant_text('reasons.since') ~ ", '') || ' (' || reasons.source || ')'",
                "', '",
                'reasons.topic nulls first'
            ) }} as suppressed
        from {{ people }} as people
        inner join reasons
            on people.address = reasons.address
        inner join {{ ref('live_sequences').include(database=false) }} as sequences
            on {{ suppression_applies('reasons', 'sequences') }}
        group by people.lead_id, sequences.sequence_id

    ),

    -- F1: by lead and not by address alone, so that a filter for one lead reaches the mails to its address. Of these the old ones go
    -- first: making an address of a recipient is what costs.
    lately as (

        select
            {{ address('messages.recipient') }} as address,
            messages.sequence_id,
            messages.step_id,
            messages.sent_as_of
        from (
            select *, is_transactional as transactional from {{ ref('messages').include(database=false) }}
        ) as messages
        where
            {{ counts_for_cap('messages') }}
            -- a single value, and no join that could come after
            and messages.sent_as_of > (
                select {{ add_seconds('tick.as_of', '-project.cap_per_seconds') }}
                from {{ tick }} as tick
                inner join {{ source('raw', 'project_settings').include(database=false) }} as project on true
            )

    ),

    counted as (

        select
            people.lead_id,
            lately.sequence_id,
            lately.step_id,
            lately.sent_as_of
        from {{ people }} as people
        inner join lately
            on people.address = lately.address

    ),

    caps as (

        select
            lead_id,
            {{ json_list(
                json_of("'sequence_id', sequence_id, 'step_id', step_id, 'sent_as_of', " ~ instant_text('sent_as_of')),
                ['sent_as_of', 'sequence_id', 'step_id']
            ) }} as counted,
            {{ joined_texts(
                "sequence_id || '/' || step_id || ' of ' || " ~ instant_text('sent_as_of'), "', '", 'sent_as_of, sequence_id, step_id'
            ) }} as mails,
            {{ sorted_list('sent_as_of', descending=true) }} as instants
        from counted
        group by lead_id

    ),

    -- E6
    earlier as (

        select
            judged.lead_id,
            judged.sequence_id,
            {{ latest_of('enrollments.enrollment_id', 'enrollments.triggered_at') }} as enrollment_id,
            max(enrollments.triggered_at) as triggered_at,
            {{ latest_of('enrollments.closed_at', 'enrollments.triggered_at') }} as closed_at
        from {{ judged }} as judged
        inner join {{ ref('enrollments').include(database=false) }} as enrollments
            on
                judged.lead_id = enrollments.lead_id
                and judged.sequence_id = enrollments.sequence_id
                and judged.decided_at >= enrollments.enrolled_at
        group by judged.lead_id, judged.sequence_id

    ),

    predicates as (

        select
            sequence_id,
            {{ joined_texts("property || ' = ' || value", "', '", 'property') }} as wanted
        from {{ source('raw', 'sequence_predicates').include(database=false) }}
        where role = 'trigger'
        group by sequence_id

    )

    select
        rows.*,
        coalesce(rows.occurrence_id, enrollments.occurrence_id) as its_occurrence_id,
        coalesce(rows.occurred_at, enrollments.triggered_at) as its_occurred_at,
        enrollments.triggered_at,
        enrollments.enrolled_at,
        enrollments.arm,
        enrollments.status as enrollment_status,
        enrollments.exit_reason,
        enrollments.closed_at,
        tick.as_of,
        sequences.status,
        sequences.file_state,
        sequences.is_running,
        sequences.segment_without_result,
        gates.held_by,
        sequences.opens_at,
        {{ counts_from('sequences') }} as counts_from,
        sequences.trigger_max_age_seconds,
        sequences.reentry,
        sequences.reentry_seconds,
        sequences.trigger_kind,
        {{ trigger_text('sequences', 'predicates.wanted') }} as trigger,
        triggered.last_at as last_triggered_at,
        coalesce(triggered.times, 0) as times_triggered,
        sequences.holdout,
        {{ bucket("'holdout:' || rows.sequence_id || ':' || rows.lead_id") }} as holdout_bucket,
        {{ project_holdout_of('sequences.project_holdout', 'sequences.transactional', 'sequences.confirmation') }} as project_holdout,
        {{ project_bucket('rows.lead_id') }} as project_holdout_bucket,
        sequences.rollout,
        {{ in_sequence_rollout('sequences.rollout', 'rows.sequence_id', 'rows.lead_id') }} as is_let_in,
        steps.step_rollout,
        {{ in_step_rollout('steps.step_rollout', 'rows.sequence_id', 'rows.step_id', 'rows.lead_id') }} as is_step_let_in,
        steps.delay_seconds,
        coalesce(steps.after_trigger, false) as is_after_trigger,
        sequences.window_days,
        sequences.window_start_minute,
        sequences.window_end_minute,
        {{ window_text('sequences') }} as send_window,
        {{ window_zone_of('sequences.window_timezone', 'people.timezone', 'project.timezone') }} as timezone,
        coalesce(people.timezone, project.timezone) as lead_timezone,
        people.address_state,
        coalesce(people.address_state = case when sequences.confirmation then 'unconfirmed' else 'mailable' end, false) as has_address,
        coalesce(segments.segments, {{ empty_json_list() }}) as segments,
        segments.outside,
        coalesce(conditions.conditions, {{ empty_json_list() }}) as conditions,
        conditions.failing,
        coalesce(suppressions.suppressions, {{ empty_json_list() }}) as suppressions,
        suppressions.suppressed,
        project.cap_messages,
        project.cap_per_seconds,
        coalesce(caps.counted, {{ empty_json_list() }}) as counted,
        caps.mails,
        case
            when not sequences.transactional then {{ add_seconds('caps.instants[project.cap_messages]', 'project.cap_per_seconds') }}
        end as free_at,
        sequences.transactional,
        {{ address('sequences.sender_email') }} as sender,
        sender_days.max_per_tick,
        sender_days.warmup_allowance,
        sender_days.sent as sent_today,
        {% for column in ['enrollment_id', 'triggered_at', 'closed_at'] -%}
        case when rows.state = 'not_enrolled' then earlier.{{ column }} end as earlier_{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ rows }} as rows
    inner join {{ tick }} as tick on true
    inner join {{ source('raw', 'project_settings').include(database=false) }} as project on true
    inner join {{ ref('live_sequences').include(database=false) }} as sequences
        on rows.sequence_id = sequences.sequence_id
    left join {{ steps }} as steps
        on rows.sequence_id = steps.sequence_id and rows.step_id = steps.step_id
    left join {{ gates }} as gates
        on rows.sequence_id = gates.sequence_id
    left join {{ people }} as people
        on rows.lead_id = people.lead_id
    left join triggered
        on rows.lead_id = triggered.lead_id and rows.sequence_id = triggered.sequence_id
    left join predicates
        on rows.sequence_id = predicates.sequence_id
    left join {{ ref('enrollments').include(database=false) }} as enrollments
        on rows.lead_id = enrollments.lead_id and rows.enrollment_id = enrollments.enrollment_id
    left join segments
        on
            rows.lead_id = segments.lead_id
            and rows.sequence_id = segments.sequence_id
            and segments.asked_at = case when rows.state = 'not_enrolled' then rows.decided_at else tick.as_of end
    left join conditions
        on
            rows.lead_id = conditions.lead_id
            and rows.enrollment_id = conditions.enrollment_id
            and rows.step_id = conditions.step_id
    left join suppressions
        on rows.lead_id = suppressions.lead_id and rows.sequence_id = suppressions.sequence_id
    left join caps
        on rows.lead_id = caps.lead_id
    left join earlier
        on rows.lead_id = earlier.lead_id and rows.sequence_id = earlier.sequence_id
    left join {{ ref('sender_days').include(database=false) }} as sender_days
        on
            {{ address('sequences.sender_email') }} = sender_days.sender
            and sender_days.day = cast(tick.as_of as date)
{%- endmacro %}
