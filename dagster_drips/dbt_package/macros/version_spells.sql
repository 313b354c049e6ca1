{#- From when to when each of these versions was the one that counted (S3): `nth` of its sequence, and `until`, NULL of the latest. Of two that
    one tick saw, since it was repeated after the file had changed, the one recorded later is the later; the other counted for no time. -#}
{% macro version_spells_of(versions) -%}
    select
        *,
        cast(row_number() over (partition by sequence_id order by seen_at, coalesce(version_number, 0)) as bigint) as nth,
        lead(seen_at) over (partition by sequence_id order by seen_at, coalesce(version_number, 0)) as until
    from {{ versions }}
{%- endmacro %}

{#- What of each version draws arms (E8), and from when to when: one row a spell. `project.yml` is a sequence of that name here. -#}
{% macro holdout_spells() -%}
    select
        sequence_id,
        version_id,
        cast({{ definition_text('definition', 'holdout') }} as {{ double_type() }}) as holdout,
        coalesce({{ definition_text('definition', 'transactional') }} = 'true', false) as transactional,
        coalesce({{ definition_text('definition', 'confirmation') }} = 'true', false) as confirmation,
        seen_at,
        until
    from (
        {{ version_spells_of(source('journal', 'sequence_versions')) }}
    ) as spells
{%- endmacro %}
