{#- How explanations write values. -#}

{#- An instant as the contract spells it: `2026-03-29T01:00:00Z`; NULL where it is. -#}
{% macro instant_text(instant) -%}
    {{ return(adapter.dispatch('instant_text', 'drips')(instant)) }}
{%- endmacro %}

{% macro default__instant_text(instant) -%}
    strftime({{ instant }}, '%Y-%m-%dT%H:%M:%SZ')
{%- endmacro %}

{% macro postgres__instant_text(instant) -%}
    to_char({{ instant }}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
{%- endmacro %}

{#- A span of seconds in its largest whole unit: `3 days`, `90 minutes`. -#}
{% macro span_text(seconds) -%}
    case
        when {{ seconds }} = 86400 then '1 day'
        when {{ seconds }} = 3600 then '1 hour'
        when {{ seconds }} % 86400 = 0 then {{ whole_quotient(seconds, 86400) }} || ' days'
        when {{ seconds }} % 3600 = 0 then {{ whole_quotient(seconds, 3600) }} || ' hours'
        when {{ seconds }} % 60 = 0 then {{ whole_quotient(seconds, 60) }} || ' minutes'
        else {{ seconds }} || ' seconds'
    end
{%- endmacro %}

{#- A window (M5) as people write it: `mon tue wed thu fri 09:00-17:00`. -#}
{% macro window_text(window) -%}
    concat_ws(
        ' ',
        {% for day in ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] -%}
        case when {{ window }}.window_days <> '1111111' and substr({{ window }}.window_days, {{ loop.index }}, 1) = '1' then '{{ day }}' end,
        {% endfor -%}
        {% for edge in ['start', 'end'] -%}
        lpad(cast({{ whole_quotient(window ~ '.window_' ~ edge ~ '_minute', 60) }} as {{ text_type() }}), 2, '0') || ':'
        || lpad(cast({{ window }}.window_{{ edge }}_minute % 60 as {{ text_type() }}), 2, '0'){{ " || '-' ||" if loop.first }}
        {% endfor %}
    )
{%- endmacro %}

{#- What a sequence's trigger is (E1), with its `where`: `event cart where kind = big`. -#}
{% macro trigger_text(sequences, predicates) -%}
    case {{ sequences }}.trigger_kind
        when 'event' then 'event ' || {{ sequences }}.trigger_event || coalesce(' where ' || {{ predicates }}, '')
        when 'segment_entered' then 'segment_entered ' || {{ sequences }}.trigger_segment
        else {{ sequences }}.trigger_kind
    end
{%- endmacro %}

{#- The JSON objects of a group as one list, by ascending keys of which none is NULL. -#}
{% macro json_list(item, order) -%}
    {{ return(adapter.dispatch('json_list', 'drips')(item, order)) }}
{%- endmacro %}

{% macro default__json_list(item, order) -%}
    to_json(array_agg({{ item }} order by {{ order | join(', ') }}))
{%- endmacro %}

{% macro postgres__json_list(item, order) -%}
    json_agg({{ item }} order by {{ order | join(', ') }})
{%- endmacro %}

{#- Objects are structs there until the whole is written. -#}
{% macro spark__json_list(item, order) -%}
    transform(sort_array(collect_list(struct({{ order | join(', ') }}, {{ item }} as _drips_item))), ordered -> ordered._drips_item)
{%- endmacro %}

{#- A list of no JSON objects. -#}
{% macro empty_json_list() -%}
    {{ return(adapter.dispatch('empty_json_list', 'drips')()) }}
{%- endmacro %}

{% macro default__empty_json_list() -%}
    to_json([])
{%- endmacro %}

{% macro postgres__empty_json_list() -%}
    json_build_array()
{%- endmacro %}

{% macro spark__empty_json_list() -%}
    array()
{%- endmacro %}

{#- A JSON object of keys and values, written one after the other. -#}
{% macro json_of(pairs) -%}
    {{ return(adapter.dispatch('json_of', 'drips')(pairs)) }}
{%- endmacro %}

{% macro default__json_of(pairs) -%}
    json_object({{ pairs }})
{%- endmacro %}

{% macro postgres__json_of(pairs) -%}
    json_build_object({{ pairs }})
{%- endmacro %}

{% macro spark__json_of(pairs) -%}
    named_struct({{ pairs }})
{%- endmacro %}

{#- The text of a JSON object. -#}
{% macro json_text(object) -%}
    {{ return(adapter.dispatch('json_text', 'drips')(object)) }}
{%- endmacro %}

{% macro default__json_text(object) -%}
    cast({{ object }} as varchar)
{%- endmacro %}

{% macro spark__json_text(object) -%}
    to_json({{ object }}, map('ignoreNullFields', 'false'))
{%- endmacro %}

{#- How often a whole number goes into another, without what is left. -#}
{% macro whole_quotient(number, by) -%}
    {{ return(adapter.dispatch('whole_quotient', 'drips')(number, by)) }}
{%- endmacro %}

{% macro default__whole_quotient(number, by) -%}
    ({{ number }} // {{ by }})
{%- endmacro %}

{% macro postgres__whole_quotient(number, by) -%}
    ({{ number }} / {{ by }})
{%- endmacro %}

{% macro spark__whole_quotient(number, by) -%}
    ({{ number }} div {{ by }})
{%- endmacro %}

{% macro spark__instant_text(instant) -%}
    (replace(substr(cast({{ instant }} as string), 1, 19), ' ', 'T') || 'Z')
{%- endmacro %}
