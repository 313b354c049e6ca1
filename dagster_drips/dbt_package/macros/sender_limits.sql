{#- How much a sender may send: to decide who waits, and to tell it of days gone by. -#}

{#- At most so many messages a tick from one sequence (F2): its own number or the identity's, whichever is smaller, else the project's. -#}
{% macro throttle_of(sequence_limit, identity_limit, project_limit) -%}
    least(
        coalesce({{ sequence_limit }}, {{ identity_limit }}, {{ project_limit }}),
        coalesce({{ identity_limit }}, {{ sequence_limit }}, {{ project_limit }})
    )
{%- endmacro %}

{#- At most so many messages on the nth UTC day after the first with a message (F4), or on that first one, where `nth_day` is NULL too. The
    millionth makes whole what arithmetic leaves just below: 100 * 1.15 is 115. -#}
{% macro warmup_allowance(start, growth, nth_day) -%}
    floor({{ start }} * {{ power_of(growth, 'coalesce(' ~ nth_day ~ ', 0)') }} + 0.000001)
{%- endmacro %}

{#- Whether a message counts against the frequency cap of its address (F1). -#}
{% macro counts_for_cap(messages) -%}
    ({{ messages }}.status in ('sent', 'in_doubt') and not {{ messages }}.transactional)
{%- endmacro %}
