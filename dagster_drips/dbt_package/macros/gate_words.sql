{#- Numbers and instants in the reasons of gates, as people read them. -#}

{#- A share in per cent, with as many decimals as it takes to two: `30 %`, `0.25 %`. -#}
{% macro gate_percent(share) -%}
    (regexp_replace(cast(cast(100 * ({{ share }}) as decimal(18, 2)) as {{ text_type() }}), '[.]?0+$', '') || ' %')
{%- endmacro %}

{#- An instant as `2026-03-29T01:00:00Z`. -#}
{% macro gate_instant(instant) -%}
    {{ instant_text(instant) }}
{%- endmacro %}
