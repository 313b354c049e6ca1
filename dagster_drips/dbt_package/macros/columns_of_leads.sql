{#- Leads have columns of their own in each project: what has to be said of each of them, without their names in any model. -#}

{#- The names in a list of texts, with A to Z lower-cased. -#}
{% macro lower_names(names) -%}
    {{ return(adapter.dispatch('lower_names', 'drips')(names)) }}
{%- endmacro %}

{% macro default__lower_names(names) -%}
    list_transform({{ names }}, lambda _drips_name: {{ lower_a_to_z('_drips_name') }})
{%- endmacro %}

{% macro postgres__lower_names(names) -%}
    array(select {{ lower_a_to_z('_drips_name') }} from unnest({{ names }}) as _drips_name)
{%- endmacro %}

{% macro spark__lower_names(names) -%}
    transform({{ names }}, _drips_name -> {{ lower_a_to_z('_drips_name') }})
{%- endmacro %}

{#- The newest word of each column in these rows of a lead (T2), of which the newest row has recency 1: one row a lead. A whole row says something of all
    columns, another one of those that it names. -#}
{% macro newest_words_of(changed) -%}
    {{ return(adapter.dispatch('newest_words_of', 'drips')(changed)) }}
{%- endmacro %}

{% macro default__newest_words_of(changed) -%}
    {%- set fields -%}
        columns(* exclude (
            lead_id, changed_fields, _load, _line, _drips_recency, _drips_is_visible, _drips_is_whole, _drips_changed_fields, _drips_version_at,
            _drips_created_at, _drips_source
        ))
    {%- endset -%}
    select
        lead_id,
        max(_drips_created_at) as _drips_created_at,
        arg_min(_drips_version_at, _drips_recency) as _drips_version_at,
        -- Whose word a row is holds for the whole of it, whichever columns it speaks of.
        arg_min_null(_drips_source, _drips_recency) as _drips_source,
        {# Each column's newest word: `alias` is the name of the column that `columns` stands for at the moment.
           A row without a word has no recency; with a `filter` in its place planning takes time quadratic in the columns. #}
        arg_min_null(
            {{ fields }},
            case
                when _drips_is_whole or list_contains(_drips_changed_fields, {{ lower_a_to_z('alias(' ~ fields ~ ')') }})
                    then _drips_recency
            end
        )
    from {{ changed }}
    group by lead_id
{%- endmacro %}

{% macro postgres__newest_words_of(changed) -%}
    select
        lead_id,
        max(_drips_created_at) as _drips_created_at,
        (array_agg(_drips_version_at order by _drips_recency))[1] as _drips_version_at,
        (array_agg(_drips_source order by _drips_recency))[1] as _drips_source
        {%- for column in columns_of_leads() if column.name not in ['lead_id', 'created_at', 'updated_at', '_drips_source'] -%}
        {#- Arrays of arrays must be of one length: lists are texts on the way. -#}
        {%- set is_list = '[]' in column.data_type or column.data_type == 'ARRAY' -%}
        {%- set name = adapter.quote(column.name) %},
        {{ 'cast(' if is_list }}(
            array_agg({{ 'cast(' ~ name ~ ' as varchar)' if is_list else name }} order by _drips_recency)
            filter (where _drips_is_whole or {{ lower_a_to_z("'" ~ column.name | replace("'", "''") ~ "'") }} = any(_drips_changed_fields))
        )[1]{{ ' as varchar[])' if is_list }} as {{ name }}
        {%- endfor %}
    from {{ changed }}
    group by lead_id
{%- endmacro %}

{% macro spark__newest_words_of(changed) -%}
    select
        lead_id,
        max(_drips_created_at) as _drips_created_at,
        min_by(_drips_version_at, _drips_recency) as _drips_version_at,
        min_by(_drips_source, _drips_recency) as _drips_source
        {%- for column in columns_of_leads() if column.name not in ['lead_id', 'created_at', 'updated_at', '_drips_source'] -%}
        {%- set name = adapter.quote(column.name) %},
        min_by({{ name }}, _drips_recency) filter (
            where _drips_is_whole or array_contains(_drips_changed_fields, {{ lower_a_to_z(spark_text(column.name)) }})
        ) as {{ name }}
        {%- endfor %}
    from {{ changed }}
    group by lead_id
{%- endmacro %}

{#- These rows of leads with the columns that models show, and nothing else; `beside` are names of others that they have. -#}
{% macro lead_rows_of(versions, beside=[]) -%}
    {{ return(adapter.dispatch('lead_rows_of', 'drips')(versions, beside)) }}
{%- endmacro %}

{% macro default__lead_rows_of(versions, beside) -%}
    select
        * exclude ({{ (beside + ['_drips_version_at', '_drips_created_at']) | join(', ') }})
        replace (_drips_created_at as created_at, _drips_version_at as updated_at)
    from {{ versions }}
{%- endmacro %}

{% macro postgres__lead_rows_of(versions, beside) -%}
    select
        _drips_created_at as created_at,
        _drips_version_at as updated_at
        {%- for column in columns_of_leads() if column.name not in ['created_at', 'updated_at'] %},
        {{ adapter.quote(column.name) }}
        {%- endfor %}
    from {{ versions }}
{%- endmacro %}

{% macro spark__lead_rows_of(versions, beside) -%}
    {{ return(drips.postgres__lead_rows_of(versions, beside)) }}
{%- endmacro %}

{#- Between two selects whose columns have the same names. -#}
{% macro union_all_by_name() -%}
    {{ return(adapter.dispatch('union_all_by_name', 'drips')()) }}
{%- endmacro %}

{% macro default__union_all_by_name() -%}
    union all by name
{%- endmacro %}

{#- In the same order, too. -#}
{% macro postgres__union_all_by_name() -%}
    union all
{%- endmacro %}

{% macro spark__union_all_by_name() -%}
    {{ return(drips.postgres__union_all_by_name()) }}
{%- endmacro %}

{#- A project's own columns of leads behind others of a select, whose names are `taken`: one of these names gets a number, as DuckDB gives it. -#}
{% macro custom_fields_of(leads, taken) -%}
    {{ return(adapter.dispatch('custom_fields_of', 'drips')(leads, taken)) }}
{%- endmacro %}

{% macro default__custom_fields_of(leads, taken) -%}
    ,
    {{ leads }}.* exclude ({{ known_columns_of_leads() }})
{%- endmacro %}

{% macro postgres__custom_fields_of(leads, taken) -%}
    {%- for column in columns_of_leads() if column.name not in (known_columns_of_leads() | trim).split(', ') -%}
    ,
    {{ leads }}.{{ adapter.quote(column.name) }}{{ ' as ' ~ adapter.quote(column.name ~ '_1') if column.name in taken }}
    {%- endfor -%}
{%- endmacro %}

{% macro spark__custom_fields_of(leads, taken) -%}
    {{ return(drips.postgres__custom_fields_of(leads, taken)) }}
{%- endmacro %}

{#- Columns that the leads of every project have, in one text. -#}
{% macro known_columns_of_leads() -%}
    lead_id, email, first_name, last_name, company, country, locale, timezone, phone, tags, created_at, updated_at, _drips_source
{%- endmacro %}

{#- The columns of landed leads that models show, where no SQL says "all but these". Of the table itself, also where a unit test gives its rows. -#}
{% macro columns_of_leads() -%}
    {%- set shown = [] -%}
    {%- if execute -%}
        {%- set landed = api.Relation.create(database=target.database | default(none), schema='raw', identifier='leads') -%}
        {%- for column in adapter.get_columns_in_relation(landed) if column.name not in ['changed_fields', '_load', '_line'] -%}
            {%- do shown.append(column) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(shown) }}
{%- endmacro %}
