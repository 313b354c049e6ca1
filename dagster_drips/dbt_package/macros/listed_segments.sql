{#- The segments that have a result at this tick, one row each: a model without one is not in the generated list (E5). -#}
{% macro listed_segments() -%}
    {% for segment in segment_names() -%}
    select '{{ segment }}' as segment
    {% if not loop.last %}union all{% endif %}
    {% else -%}
    select {{ no_text() }} as segment
    where false
    {% endfor %}
{%- endmacro %}
