{#- How dbt-spark makes our tables where they are Parquet: insert-overwrite and append are all there is, no delete, no update, no merge. -#}

{#- The word of Spark for a type as contracts and seeds spell it. -#}
{% macro spark_type_of(type) -%}
    {%- set words = {'varchar': 'string', 'double precision': 'double', 'varchar[]': 'array<string>', 'timestamp': 'timestamp_ntz'} -%}
    {{ return(words.get(type, type)) }}
{%- endmacro %}

{% macro spark__get_empty_schema_sql(columns) -%}
    select
        {%- for column in columns.values() %}
        cast(null as {{ spark_type_of(column['data_type']) }}) as {{ adapter.quote(column['name']) }}{{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}

{#- A seed's rows are literals in one statement: dbt-spark's own loses backslashes. -#}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set sql -%}
        insert into {{ this.render() }} values
        {%- for row in agate_table.rows %}
        (
            {%- for name in agate_table.column_names -%}
                {%- set value = row[loop.index0] -%}
                {%- set type = spark_type_of(types.get(name, adapter.convert_type(agate_table, loop.index0))) -%}
                {%- if value is none -%}
                    cast(null as {{ type }})
                {%- else -%}
                    cast({{ spark_text(value) }} as {{ type }})
                {%- endif -%}
                {{ ', ' if not loop.last }}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {{ return(sql) }}
{%- endmacro %}

{% macro spark__create_csv_table(model, agate_table) -%}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- set sql -%}
        create table {{ this.render() }} (
            {%- for name in agate_table.column_names -%}
                {{ adapter.quote(name) }} {{ spark_type_of(types.get(name, adapter.convert_type(agate_table, loop.index0))) }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        )
    {%- endset -%}
    {%- call statement('_') -%}
        {{ sql }}
    {%- endcall -%}
    {{ return(sql) }}
{%- endmacro %}

{#- Called by dbt-spark's incremental models, whose strategies don't know ours: `delete+insert` by key. -#}
{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) -%}
    {%- if raw_strategy != 'delete+insert' or file_format != 'parquet' -%}
        {%- do exceptions.raise_compiler_error('incremental models of this package are made by delete+insert in Parquet, not by ' ~ raw_strategy) -%}
    {%- endif -%}
    {{ return(raw_strategy) }}
{%- endmacro %}

{#- What is there and stays, and what is new, are written beside the table, as nothing can overwrite what it reads; then they overwrite it. -#}
{% macro dbt_spark_get_incremental_sql(strategy, source, target, existing, unique_key, incremental_predicates) -%}
    {%- set beside = target.incorporate(path={'identifier': target.identifier ~ '__dbt_beside'}) -%}
    {%- set key = [unique_key] if unique_key is string else unique_key -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | join(', ') -%}
    {%- call statement('drop_beside') -%}
        drop table if exists {{ beside }}
    {%- endcall -%}
    {%- call statement('write_beside') -%}
        create table {{ beside }} as
        with news as (
            select {{ columns }} from {{ source }}
        )
        select {{ columns }} from {{ target }} as kept
        where not exists (
            select 1 from news
            where {% for name in key %}news.{{ name }} = kept.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
        )
        union all
        select {{ columns }} from news
    {%- endcall -%}
    insert overwrite table {{ target }} select {{ columns }} from {{ beside }}
{%- endmacro %}
