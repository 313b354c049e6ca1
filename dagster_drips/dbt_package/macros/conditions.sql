{#- Conditions of steps (M6): asked when a step is due, and told of to people. -#}

{#- Which of these conditions are met: their rows. `asked` has `enrollment_id`, `lead_id`, `triggered_at`, `kind` and `value`; `at` is SQL of the
    instant at which each is asked. `members` are those of now, or with `are_spells` their spells, and then `engagement` has a `lead_id`, too. -#}
{% macro met_conditions_of(asked, members, events, engagement, at, are_spells=false) -%}
    select asked.*
    from {{ asked }} as asked
    inner join {{ members }} as members
        on
            asked.kind = 'segment'
            and asked.value = members.segment
            and asked.lead_id = members.lead_id
            {% if are_spells -%}
            and members.entered_at <= {{ at }}
            and (members.left_at is null or members.left_at > {{ at }})
            {%- endif %}

    union distinct

    select asked.*
    from {{ asked }} as asked
    inner join {{ events }} as events
        on
            asked.kind = 'event'
            and asked.value = events.event
            and asked.lead_id = events.lead_id
            and events.occurred_at > asked.triggered_at
            {% if are_spells -%}
            and events.occurred_at <= {{ at }}
            {%- endif %}

    union distinct

    -- A click counts as an open.
    select asked.*
    from {{ asked }} as asked
    inner join {{ engagement }} as facts
        on
            asked.enrollment_id = facts.enrollment_id
            {% if are_spells -%}
            -- said again, so that a filter for one lead reaches them
            and asked.lead_id = facts.lead_id
            {%- endif %}
            and asked.value = facts.step_id
            and facts.is_human
            and facts.effective_at <= {{ at }}
            and (
                (asked.kind = 'opened' and facts.type in ('opened', 'clicked'))
                or (asked.kind = 'clicked' and facts.type = 'clicked')
            )
{%- endmacro %}

{#- Whether a condition keeps a step from its lead: all of `only_if` must hold, none of `unless`. -#}
{% macro condition_fails(polarity, is_met) -%}
    (({{ polarity }} = 'only_if' and not ({{ is_met }})) or ({{ polarity }} = 'unless' and {{ is_met }}))
{%- endmacro %}
