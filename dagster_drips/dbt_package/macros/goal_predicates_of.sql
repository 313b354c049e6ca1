{#- What the `where` of these goals asks for (L2, E1): one row per goal and property.
    Expects the columns `sequence_id`, `goal_id` and `goal`, the goal's JSON in a definition that the journal keeps. -#}
{% macro goal_predicates_of(goals) -%}
    {{ return(adapter.dispatch('goal_predicates_of', 'drips')(goals)) }}
{%- endmacro %}

{% macro default__goal_predicates_of(goals) -%}
    select
        sequence_id,
        goal_id,
        property,
        {{ property_text("json_extract(goal, '$.where')", 'cast(null as varchar)', 'property') }} as value
    from (
        select
            sequence_id,
            goal_id,
            goal,
            unnest(json_keys(goal, '$.where')) as property
        from {{ goals }}
    ) as properties
{%- endmacro %}

{% macro postgres__goal_predicates_of(goals) -%}
    select
        sequence_id,
        goal_id,
        properties.key as property,
        properties.value
    from {{ goals }}
    cross join lateral json_each_text(
        case when json_typeof(cast(goal as json) -> 'where') = 'object' then cast(goal as json) -> 'where' else '{}' end
    ) as properties
{%- endmacro %}

{% macro spark__goal_predicates_of(goals) -%}
    select
        sequence_id,
        goal_id,
        property,
        value
    from {{ goals }}
    lateral view explode(from_json(get_json_object(goal, '$.where'), 'map<string, string>')) wanted as property, value
{%- endmacro %}
