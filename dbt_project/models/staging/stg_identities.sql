{{ config(materialized='table') }}

-- An id that is a lead's own is nobody's anonymous one: else who posts events could take away another lead's.
with

links as (

    select
        {{ property_text('properties', 'number_texts', "'anonymous_id'") }} as anonymous_id,
        lead_id,
        row_number() over (
            partition by {{ property_text('properties', 'number_texts', "'anonymous_id'") }}
            order by coalesce(received_at, occurred_at), _load, _line
        ) as recency
    from {{ source('raw', 'events') }}
    where
        event = 'identified'
        and occurred_at <= {{ as_of() }}
        and coalesce(received_at, occurred_at) <= {{ as_of() }}

)

select
    links.anonymous_id,
    links.lead_id
from links
left join (select distinct lead_id from {{ source('raw', 'leads') }}) as leads
    on links.anonymous_id = leads.lead_id
where
    links.recency = 1
    and links.anonymous_id is not null
    and leads.lead_id is null
