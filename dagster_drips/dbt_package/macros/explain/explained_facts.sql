{#- The values of all predicates of a row as one JSON object; its keys stand in docs/explain.md. -#}
{% macro explained_facts(rows) -%}
{%- set objects = {
    'sequence': {
        'status': 'status', 'file_state': 'file_state', 'is_running': 'is_running', 'segment_without_result': 'segment_without_result',
        'held_by': 'held_by', 'opens_at': instant_text(rows ~ '.opens_at')
    },
    'lead': {'timezone': 'lead_timezone', 'address_state': 'address_state'},
    'trigger': {
        'what': 'trigger', 'counts_from': instant_text(rows ~ '.counts_from'), 'last_at': instant_text(rows ~ '.last_triggered_at'),
        'times': 'times_triggered', 'max_age_seconds': 'trigger_max_age_seconds'
    },
    'occurrence': {'occurrence_id': 'its_occurrence_id', 'occurred_at': instant_text(rows ~ '.its_occurred_at')},
    'enrollment': {
        'enrollment_id': 'enrollment_id', 'triggered_at': instant_text(rows ~ '.triggered_at'), 'enrolled_at': instant_text(rows ~ '.enrolled_at'),
        'arm': 'arm', 'status': 'enrollment_status', 'exit_reason': 'exit_reason', 'closed_at': instant_text(rows ~ '.closed_at')
    },
    'earlier_enrollment': {
        'enrollment_id': 'earlier_enrollment_id', 'triggered_at': instant_text(rows ~ '.earlier_triggered_at'),
        'closed_at': instant_text(rows ~ '.earlier_closed_at'), 'reentry': 'reentry', 'reentry_seconds': 'reentry_seconds'
    },
    'holdout': {
        'share': 'holdout', 'bucket': 'holdout_bucket', 'project_share': 'project_holdout', 'project_bucket': 'project_holdout_bucket'
    },
    'rollout': {'share': 'rollout', 'is_let_in': 'is_let_in', 'step_share': 'step_rollout', 'is_step_let_in': 'is_step_let_in'},
    'schedule': {
        'delay_seconds': 'delay_seconds', 'is_after_trigger': 'is_after_trigger', 'scheduled_at': instant_text(rows ~ '.scheduled_at'),
        'expires_at': instant_text(rows ~ '.expires_at'), 'retry_at': instant_text(rows ~ '.retry_at')
    },
    'window': {'send_window': 'send_window', 'timezone': 'timezone'},
    'frequency_cap': {
        'messages': 'cap_messages', 'per_seconds': 'cap_per_seconds', 'is_exempt': 'transactional', 'counted': 'counted',
        'free_at': instant_text(rows ~ '.free_at')
    },
    'sender': {'address': 'sender', 'max_per_tick': 'max_per_tick', 'warmup_allowance': 'warmup_allowance', 'sent_today': 'sent_today'},
    'message': {'variant_id': 'variant_id', 'detail': 'detail'}
} -%}
{%- set pairs = [] -%}
{%- for name, keys in objects.items() -%}
    {%- set inner = [] -%}
    {%- for key, value in keys.items() -%}
        {%- do inner.append("'" ~ key ~ "', " ~ (rows ~ '.' ~ value if value.isidentifier() else value)) -%}
    {%- endfor -%}
    {%- do pairs.append("'" ~ name ~ "', " ~ json_of(inner | join(', '))) -%}
{%- endfor -%}
{%- for name in ['segments', 'suppressions', 'conditions'] -%}
    {%- do pairs.append("'" ~ name ~ "', " ~ rows ~ '.' ~ name) -%}
{%- endfor -%}
    {{ json_of(pairs | join(', ')) }}
{%- endmacro %}
