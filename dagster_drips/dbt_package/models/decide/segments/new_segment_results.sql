-- A segment whose model has no result at this tick is not in the generated list (E5).
with

named as (

    {% for segment in segment_names() -%}
    select '{{ segment }}' as segment
    {% if not loop.last %}union all{% endif %}
    {% else -%}
    select cast(null as varchar) as segment
    where false
    {% endfor %}

)

select
    named.segment,
    {{ as_of() }} as as_of,
    count(members.lead_id) as members
from named
left join {{ ref('segment_members') }} as members
    on named.segment = members.segment
group by named.segment
