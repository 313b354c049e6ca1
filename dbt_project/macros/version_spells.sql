{#- From when to when each version of a sequence was the one that counted (S3), and what of it draws arms (E8): one row a spell.
    `project.yml` is a sequence of that name here. -#}
{% macro version_spells() -%}
    select
        sequence_id,
        version_id,
        cast({{ definition_text('definition', 'holdout') }} as double) as holdout,
        coalesce({{ definition_text('definition', 'transactional') }} = 'true', false) as transactional,
        coalesce({{ definition_text('definition', 'confirmation') }} = 'true', false) as confirmation,
        seen_at,
        lead(seen_at) over (partition by sequence_id order by seen_at, coalesce(version_number, 0)) as until
    from {{ source('journal', 'sequence_versions') }}
{%- endmacro %}
