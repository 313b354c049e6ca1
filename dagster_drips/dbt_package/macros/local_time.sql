{#- What a clock on the wall shows a lead at the tick's instant: in its `timezone` where that is an IANA name, trimmed, else in the project's (M5).
    A scalar without an offset: `where extract(hour from {{ local_time('timezone') }}) = 9`. -#}
{% macro local_time(timezone) -%}
    {#- Called from a project's own models, where the package's macros are known by its name alone.
        Renamed, or a bare `timezone` would be the inner table's own. -#}
    {%- set offset -%}
        coalesce(
            (
                select max(zones._drips_offset)
                from (
                    select
                        timezone as _drips_zone,
                        utc_offset_seconds as _drips_offset
                    from {{ source('raw', 'time_zones') }}
                ) as zones
                where zones._drips_zone = {{ drips.trimmed(timezone) }}
            ),
            (
                select max(zones.utc_offset_seconds)
                from {{ source('raw', 'project_settings') }} as project
                inner join {{ source('raw', 'time_zones') }} as zones
                    on project.timezone = zones.timezone
            ),
            0
        )
    {%- endset -%}
    {{ drips.add_seconds(drips.as_of(), offset) }}
{%- endmacro %}
