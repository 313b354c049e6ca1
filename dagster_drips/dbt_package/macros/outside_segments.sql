{#- Which of these people their sequence's segments keep out at this tick (E5): missing from one of `include`, or in one of `exclude`.
    A segment without a result at this tick says nothing about anybody. `people` has the columns `sequence_id` and `lead_id`. -#}
{% macro outside_segments(people) -%}
    select distinct
        people.sequence_id,
        people.lead_id
    from {{ people }} as people
    inner join {{ source('raw', 'sequence_segments') }} as segments
        on people.sequence_id = segments.sequence_id
    inner join {{ ref('new_segment_results') }} as results
        on segments.segment = results.segment
    left join {{ ref('segment_members') }} as members
        on segments.segment = members.segment and people.lead_id = members.lead_id
    where {{ is_kept_out('segments.role', 'members.lead_id is not null') }}
{%- endmacro %}

{#- Whether a segment in this role keeps out a lead that is a member, or not. -#}
{% macro is_kept_out(role, is_member) -%}
    (({{ role }} = 'include' and not ({{ is_member }})) or ({{ role }} = 'exclude' and {{ is_member }}))
{%- endmacro %}
