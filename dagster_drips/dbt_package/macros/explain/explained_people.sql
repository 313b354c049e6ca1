{#- What explanations need of leads: one row per visible lead. -#}
{% macro explained_people() -%}
    select
        leads.lead_id,
        leads.address_state,
        {{ address('leads.email') }} as address,
        zones.timezone
    from {{ ref('lead_profiles').include(database=false) }} as leads
    left join {{ source('raw', 'time_zones').include(database=false) }} as zones
        on {{ trimmed('leads.timezone') }} = zones.timezone
{%- endmacro %}
