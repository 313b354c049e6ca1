{#- Each of these rows as people read it: the sentence of its reason (seed `explanation_words`), with the values that decided it, and what happens
    next; and all values as JSON. -#}
{% macro explanations_in_words(rows) -%}
{%- set values = {
    'as_of': instant_text('rows.as_of'),
    'decided_at': instant_text('rows.decided_at'),
    'scheduled_at': instant_text('rows.scheduled_at'),
    'retry_at': instant_text('rows.retry_at'),
    'opens_at': instant_text('rows.opens_at'),
    'counts_from': instant_text('rows.counts_from'),
    'occurred_at': instant_text('rows.occurred_at'),
    'triggered_at': instant_text('rows.triggered_at'),
    'earlier_at': instant_text('rows.earlier_triggered_at'),
    'last_at': instant_text('rows.last_triggered_at'),
    'delay': span_text('rows.delay_seconds'),
    'after': "case when rows.is_after_trigger then 'its trigger' else 'the step before it' end",
    'trigger': 'rows.trigger',
    'outside': 'rows.outside',
    'failing': 'rows.failing',
    'suppressed': 'rows.suppressed',
    'window': 'rows.send_window',
    'timezone': 'rows.timezone',
    'cap': "rows.cap_messages || ' messages in ' || " ~ span_text('rows.cap_per_seconds'),
    'mails': 'rows.mails',
    'sender': 'rows.sender',
    'throttle': 'cast(rows.max_per_tick as ' ~ text_type() ~ ')',
    'warmup': 'cast(rows.warmup_allowance as ' ~ text_type() ~ ')',
    'sent_today': 'cast(rows.sent_today as ' ~ text_type() ~ ')',
    'rollout': number_text('rows.rollout'),
    'step_rollout': number_text('rows.step_rollout'),
    'max_age': span_text('rows.trigger_max_age_seconds'),
    'reentry': "case rows.reentry when 'after' then " ~ span_text('rows.reentry_seconds') ~ ' else rows.reentry end',
    'failed_segment': 'rows.segment_without_result',
    'gates': 'rows.held_by',
    'file_state': 'rows.file_state',
    'variant': 'rows.variant_id',
    'detail': 'rows.detail',
    'step': 'rows.step_id',
    'next': "case when rows.next_at <= rows.as_of then 'the next tick' else 'the first tick from ' || " ~ instant_text('rows.next_at') ~ " || ' on' end"
} -%}
    with

    worded as (

        select
            rows.*,
            words.rule,
            concat_ws(' ', words.words, coming.words) as template
        from {{ rows }} as rows
        left join {{ ref('explanation_words').include(database=false) }} as words
            on
                rows.state = words.state
                and coalesce(rows.reason, '') = coalesce(words.reason, '')
                and coalesce(words.when_known, '') = case
                    when rows.state = 'sent' and rows.variant_id is not null then 'variant'
                    when rows.reason = 'paused' and rows.segment_without_result is not null then 'segment'
                    when rows.reason = 'paused' and rows.file_state = 'deleted' then 'deleted'
                    when rows.reason = 'before_opening' and rows.trigger_kind = 'segment_entered' then 'segment'
                    else ''
                end
        left join {{ ref('explanation_words').include(database=false) }} as coming
            on
                coming.state = 'next'
                and rows.next_outcome = coming.reason

    )

    select
        rows.lead_id,
        rows.sequence_id,
        rows.step_id,
        cast(rows.position as integer) as position,
        rows.enrollment_id,
        rows.state,
        rows.reason,
        rows.rule,
        {% for name in values -%}replace({% endfor -%}
        coalesce(rows.template, rows.state || coalesce(': ' || rows.reason, ''))
        {%- for name, value in values.items() %},
        '{{ '{' ~ name ~ '}' }}', coalesce({{ value }}, '-')){% endfor %} as text,
        rows.decided_at,
        rows.scheduled_at,
        rows.next_at,
        rows.next_outcome,
        {{ json_text(explained_facts('rows')) }} as facts,
        rows.as_of
    from worded as rows
{%- endmacro %}
