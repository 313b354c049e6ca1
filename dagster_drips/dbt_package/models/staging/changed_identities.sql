{{ config(materialized='table') }}

with

touched as (

    select anonymous_id
    from {{ ref('current_identity_links') }}
    where
        _load > {{ since_load() }}
        or {{ came_of_age('linked_at') }}
    union distinct
    -- What a lead is called by is no anonymous id any more.
    select lead_id as anonymous_id from {{ source('raw', 'leads') }}
    where _load > {{ since_load() }}

),

ranked as (

    select
        anonymous_id,
        lead_id,
        row_number() over (
            partition by anonymous_id
            order by
                case when _drips_source is null then 1 when _drips_source = 'verified' then 2 else 3 end,
                linked_at,
                _load,
                _line
        ) as choice
    from {{ ref('current_identity_links') }}
    where anonymous_id in (select anonymous_id from touched)

)

select
    ranked.anonymous_id,
    case when leads.lead_id is null then ranked.lead_id end as lead_id
from ranked
left join (
    -- What a page calls a user's id makes it nobody's.
    select distinct lead_id from {{ source('raw', 'leads') }}
    where
        _drips_source is distinct from 'page'
        and lead_id in (select anonymous_id from ranked)
) as leads
    on ranked.anonymous_id = leads.lead_id
where
    ranked.choice = 1
    and ranked.anonymous_id is not null
