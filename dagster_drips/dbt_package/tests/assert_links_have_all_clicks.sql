{{ config(tags=['ci']) }}

-- Each click of a sent message is some link's.
select sequences.sequence_id
from {{ ref('sequence_performance') }} as sequences
left join (
    select
        sequence_id,
        sum(clicks) as clicks,
        sum(human_clicks) as human_clicks
    from {{ ref('message_links') }}
    group by sequence_id
) as links
    on sequences.sequence_id = links.sequence_id
where
    sequences.clicks <> coalesce(links.clicks, 0)
    or sequences.human_clicks <> coalesce(links.human_clicks, 0)
