{#- Leads that a sequence's segments keep out at this tick (E5): missing from one of `include`, or in one of `exclude`.
    A segment without a result at this tick says nothing about anybody. -#}
{% macro outside_segments() -%}
    select
        segments.sequence_id,
        leads.lead_id
    from {{ source('raw', 'sequence_segments') }} as segments
    inner join {{ ref('new_segment_results') }} as results
        on segments.segment = results.segment
    cross join {{ ref('stg_mailable_leads') }} as leads
    left join {{ ref('segment_members') }} as members
        on segments.segment = members.segment and leads.lead_id = members.lead_id
    where {{ is_kept_out('segments.role', 'members.lead_id is not null') }}
    group by segments.sequence_id, leads.lead_id
{%- endmacro %}

{#- Whether a segment in this role keeps out a lead that is a member, or not. -#}
{% macro is_kept_out(role, is_member) -%}
    (({{ role }} = 'include' and not ({{ is_member }})) or ({{ role }} = 'exclude' and {{ is_member }}))
{%- endmacro %}
