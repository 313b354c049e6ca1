{#- The variants of steps in these versions of sequences (M8): one row per version, step and variant, with its place in the file.
    Expects the columns `sequence_id`, `version_id` and `definition`, the JSON that the journal keeps (S3). -#}
{% macro variants_of_versions(versions) -%}
    {{ return(adapter.dispatch('variants_of_versions', 'drips')(versions)) }}
{%- endmacro %}

{% macro default__variants_of_versions(versions) -%}
    select
        sequence_id,
        version_id,
        step_id,
        json_extract_string(variant, '$.id') as variant_id,
        position,
        cast(json_extract_string(variant, '$.weight') as double precision) as weight
    from (
        select
            sequence_id,
            version_id,
            json_extract_string(step, '$.id') as step_id,
            unnest(json_extract(step, '$.variants[*]')) as variant,
            unnest(generate_series(1, len(json_extract(step, '$.variants[*]')))) as position
        from (
            select
                sequence_id,
                version_id,
                unnest(json_extract(definition, '$.steps[*]')) as step
            from {{ versions }}
        ) as steps
    ) as variants
{%- endmacro %}

{% macro postgres__variants_of_versions(versions) -%}
    select
        sequence_id,
        version_id,
        steps.step ->> 'id' as step_id,
        variants.variant ->> 'id' as variant_id,
        variants.position,
        cast(variants.variant ->> 'weight' as double precision) as weight
    from {{ versions }}
    cross join lateral json_array_elements(cast(definition as json) -> 'steps') as steps (step)
    cross join lateral json_array_elements(
        case when json_typeof(steps.step -> 'variants') = 'array' then steps.step -> 'variants' else '[]' end
    ) with ordinality as variants (variant, position)
{%- endmacro %}

{% macro spark__variants_of_versions(versions) -%}
    select
        sequence_id,
        version_id,
        get_json_object(step, '$.id') as step_id,
        get_json_object(variant, '$.id') as variant_id,
        cast(place + 1 as bigint) as position,
        cast(get_json_object(variant, '$.weight') as double) as weight
    from {{ versions }}
    lateral view explode(from_json(get_json_object(definition, '$.steps'), 'array<string>')) steps as step
    lateral view posexplode(from_json(get_json_object(step, '$.variants'), 'array<string>')) variants as place, variant
{%- endmacro %}
