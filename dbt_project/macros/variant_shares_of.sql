{#- Which share of a step's leads each of its variants is given (M8): these rows of `variants_of_versions` with their `share`. One of weight 0
    is never drawn. -#}
{% macro variant_shares_of(variants) -%}
    select
        *,
        weight / sum(weight) over (partition by sequence_id, version_id, step_id) as share
    from {{ variants }}
    where weight > 0
{%- endmacro %}
