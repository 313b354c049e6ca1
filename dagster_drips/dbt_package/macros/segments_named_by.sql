{#- The segments that these versions of sequences name, wherever (E5): one row per version and segment.
    Expects the columns `sequence_id`, `nth` and `definition`, the JSON that the journal keeps. -#}
{% macro segments_named_by(versions) -%}
    {{ return(adapter.dispatch('segments_named_by', 'drips')(versions)) }}
{%- endmacro %}

{% macro default__segments_named_by(versions) -%}
    select distinct
        sequence_id,
        nth,
        segment
    from (
        select
            sequence_id,
            nth,
            unnest(flatten([
                {% for list in ['segments.include', 'segments.exclude', 'steps[*].only_if.segment', 'steps[*].unless.segment'] -%}
                coalesce(json_extract_string(definition, '$.{{ list }}[*]'), []),
                {% endfor -%}
                [json_extract_string(definition, '$.trigger.segment_entered')]
            ])) as segment
        from {{ versions }}
    ) as named
    where segment is not null
{%- endmacro %}

{% macro postgres__segments_named_by(versions) -%}
    select distinct
        sequence_id,
        nth,
        segment
    from (
        select
            sequence_id,
            nth,
            named.segment #>> '{}' as segment
        from {{ versions }}
        cross join lateral (
            {% for path in [
                'segments.include[*]', 'segments.exclude[*]', 'steps[*].only_if.segment[*]', 'steps[*].unless.segment[*]', 'trigger.segment_entered'
            ] -%}
            select jsonb_path_query(cast(definition as jsonb), '$.{{ path }}') as segment
            {% if not loop.last %}union all{% endif %}
            {% endfor %}
        ) as named
    ) as named
    where segment is not null
{%- endmacro %}

{#- Its own functions of JSON know no path through all elements of a list. -#}
{% macro spark__segments_named_by(versions) -%}
    {%- set conditions = 'struct<segment: array<string>>' -%}
    select distinct
        sequence_id,
        nth,
        segment
    from (
        select
            sequence_id,
            nth,
            from_json(
                definition,
                'segments struct<include: array<string>, exclude: array<string>>, trigger struct<segment_entered: string>,
                steps array<struct<only_if: {{ conditions }}, unless: {{ conditions }}>>'
            ) as named
        from {{ versions }}
    ) as read
    lateral view explode(
        concat(
            {% for list in [
                'named.segments.include', 'named.segments.exclude', 'flatten(filter(named.steps.only_if.segment, list -> list is not null))',
                'flatten(filter(named.steps.unless.segment, list -> list is not null))'
            ] -%}
            coalesce({{ list }}, cast(array() as array<string>)),
            {% endfor -%}
            array(named.trigger.segment_entered)
        )
    ) segments as segment
    where segment is not null
{%- endmacro %}
