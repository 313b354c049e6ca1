-- One branch a segment; the list is generated, so that a new segment is one new file and nothing else.
with

results as (

    {% for segment in segment_names() -%}
    select
        '{{ segment }}' as segment,
        cast(lead_id as {{ text_type() }}) as lead_id
    from {{ ref(segment) }}
    {% if not loop.last %}union all{% endif %}
    {% else -%}
    select
        {{ no_text() }} as segment,
        {{ no_text() }} as lead_id
    where false
    {% endfor %}

)

select
    results.segment,
    results.lead_id
from results
inner join {{ ref('stg_leads') }} as leads
    on results.lead_id = leads.lead_id
