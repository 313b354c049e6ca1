{#- Sequences that gates hold for what they found in the data of this tick (G1): one row a sequence. -#}
{% macro held_sequences() -%}
    select distinct sequence_id
    from {{ ref('data_gates') }}
    where is_holding
{%- endmacro %}
