{#- The identities in these versions of `senders.yml` (S3) and how much they may send (F2, F4): one row per version and identity.
    Expects the columns `nth` and `definition`, the JSON that the journal keeps. -#}
{% macro senders_of_versions(versions) -%}
    {{ return(adapter.dispatch('senders_of_versions', 'drips')(versions)) }}
{%- endmacro %}

{% macro default__senders_of_versions(versions) -%}
    select
        nth,
        {{ address("json_extract_string(sender, '$.email')") }} as sender_address,
        cast(json_extract_string(sender, '$.warmup.start') as integer) as warmup_start,
        cast(json_extract_string(sender, '$.warmup.growth') as double precision) as warmup_growth,
        cast(json_extract_string(sender, '$.max_per_tick') as integer) as max_per_tick
    from (
        select
            nth,
            unnest(json_extract(definition, '$.senders.*')) as sender
        from {{ versions }}
    ) as senders
{%- endmacro %}

{% macro postgres__senders_of_versions(versions) -%}
    select
        nth,
        {{ address("sender ->> 'email'") }} as sender_address,
        cast(sender -> 'warmup' ->> 'start' as integer) as warmup_start,
        cast(sender -> 'warmup' ->> 'growth' as double precision) as warmup_growth,
        cast(sender ->> 'max_per_tick' as integer) as max_per_tick
    from (
        select
            nth,
            jsonb_path_query(cast(definition as jsonb), '$.senders.*') as sender
        from {{ versions }}
    ) as senders
{%- endmacro %}

{% macro spark__senders_of_versions(versions) -%}
    select
        nth,
        {{ address("get_json_object(sender, '$.email')") }} as sender_address,
        cast(get_json_object(sender, '$.warmup.start') as integer) as warmup_start,
        cast(get_json_object(sender, '$.warmup.growth') as double) as warmup_growth,
        cast(get_json_object(sender, '$.max_per_tick') as integer) as max_per_tick
    from {{ versions }}
    lateral view explode(from_json(get_json_object(definition, '$.senders'), 'map<string, string>')) senders as name, sender
{%- endmacro %}
