{#- The mails of these versions of sequences (S3): one row per version, step and variant (M8), the latter NULL where a step has none.
    Expects the columns `sequence_id`, `nth` and `definition`, the JSON that the journal keeps. -#}
{% macro mails_of_versions(versions) -%}
    {{ return(adapter.dispatch('mails_of_versions', 'drips')(versions)) }}
{%- endmacro %}

{% macro default__mails_of_versions(versions) -%}
    select
        sequence_id,
        nth,
        step_id,
        position,
        json_extract_string(mail, '$.id') as variant_id,
        json_extract_string(mail, '$.subject') as subject,
        json_extract_string(mail, '$.preview_text') as preview_text,
        json_extract_string(mail, '$.template') as template
    from (
        select
            sequence_id,
            nth,
            json_extract_string(step, '$.id') as step_id,
            position,
            -- A step without variants is its own mail, and its id is no variant's.
            unnest(
                case
                    when len(json_extract(step, '$.variants[*]')) > 0 then json_extract(step, '$.variants[*]')
                    else [json_merge_patch(step, '{"id": null}')]
                end
            ) as mail
        from (
            select
                sequence_id,
                nth,
                unnest(json_extract(definition, '$.steps[*]')) as step,
                unnest(generate_series(1, len(json_extract(definition, '$.steps[*]')))) as position
            from {{ versions }}
        ) as steps
    ) as mails
{%- endmacro %}

{% macro postgres__mails_of_versions(versions) -%}
    select
        sequence_id,
        nth,
        steps.step ->> 'id' as step_id,
        steps.position,
        mails.mail ->> 'id' as variant_id,
        mails.mail ->> 'subject' as subject,
        mails.mail ->> 'preview_text' as preview_text,
        mails.mail ->> 'template' as template
    from {{ versions }}
    cross join lateral json_array_elements(cast(definition as json) -> 'steps') with ordinality as steps (step, position)
    -- A step without variants is its own mail, and its id is no variant's.
    cross join lateral json_array_elements(
        case
            when steps.step -> 'variants' -> 0 is not null then steps.step -> 'variants'
            else json_build_array(cast(cast(steps.step as jsonb) - 'id' as json))
        end
    ) as mails (mail)
{%- endmacro %}

{% macro spark__mails_of_versions(versions) -%}
    select
        sequence_id,
        nth,
        get_json_object(step, '$.id') as step_id,
        cast(place + 1 as bigint) as position,
        get_json_object(variant, '$.id') as variant_id,
        get_json_object(coalesce(variant, step), '$.subject') as subject,
        get_json_object(coalesce(variant, step), '$.preview_text') as preview_text,
        get_json_object(coalesce(variant, step), '$.template') as template
    from {{ versions }}
    lateral view posexplode(from_json(get_json_object(definition, '$.steps'), 'array<string>')) steps as place, step
    lateral view outer explode(from_json(get_json_object(step, '$.variants'), 'array<string>')) variants as variant
{%- endmacro %}
