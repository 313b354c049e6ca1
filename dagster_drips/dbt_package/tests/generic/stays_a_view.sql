{#- Whether a model is a view in the warehouse. Some must be: they are asked again after dbt built them, and a table would say then
    what was so before. Whoever gives one `materialized: table` is told why not. -#}
{% test stays_a_view(model, because) %}
{%- if execute -%}
    {%- set relation = adapter.get_relation(model.database, model.schema, model.identifier) -%}
    {%- if relation is none or not relation.is_view -%}
        {{ exceptions.raise_compiler_error(model.identifier ~ " must stay a view: " ~ because) }}
    {%- endif -%}
{%- endif -%}
select '{{ because }}' as because
where false
{% endtest %}
