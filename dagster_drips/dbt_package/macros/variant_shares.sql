{#- Which share of a step's leads each of its variants is given (M8): one row per version, step and variant, as `variants_of_versions` has it,
    with its `share`. One of weight 0 is never drawn, and has no row. -#}
{% macro variant_shares() -%}
    select
        *,
        weight / sum(weight) over (partition by sequence_id, version_id, step_id) as share
    from (
        {{ variants_of_versions(
            '(select sequence_id, version_id, min(definition) as definition from ' ~ source('journal', 'sequence_versions')
            ~ ' group by sequence_id, version_id) as versions'
        ) }}
    ) as variants
    where weight > 0
{%- endmacro %}
