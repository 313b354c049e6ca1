{#- Draws that two models ask about: whom one was made for, and what is said of it afterwards. Each salt stands here once. -#}

{#- A lead's place in the draw of the project's holdout (E8). -#}
{% macro project_bucket(lead_id) -%}
    {{ bucket("'holdout:project:' || " ~ lead_id) }}
{%- endmacro %}

{#- A lead's place in the draw of a step's variants (M8), in `[0, 1)`. -#}
{% macro variant_bucket(sequence_id, step_id, lead_id) -%}
    {{ bucket("'variant:' || " ~ sequence_id ~ " || ':' || " ~ step_id ~ " || ':' || " ~ lead_id) }}
{%- endmacro %}

{#- Whether a sequence, or a step of it, lets a lead in by now (E9). -#}
{% macro in_sequence_rollout(share, sequence_id, lead_id) -%}
    ({{ share }} is null or {{ bucket("'rollout:' || " ~ sequence_id ~ " || ':' || " ~ lead_id) }} < {{ share }})
{%- endmacro %}

{% macro in_step_rollout(share, sequence_id, step_id, lead_id) -%}
    (
        {{ share }} is null
        or {{ bucket("'rollout:' || " ~ sequence_id ~ " || ':' || " ~ step_id ~ " || ':' || " ~ lead_id) }} < {{ share }}
    )
{%- endmacro %}

{#- The share that the project holds back from a sequence (E8): none where everybody who asked is to be told. -#}
{% macro project_holdout_of(holdout, transactional, confirmation) -%}
    case when {{ transactional }} or {{ confirmation }} then 0 else coalesce({{ holdout }}, 0) end
{%- endmacro %}
