-- Of all other messages the marts know what there is to know.
select
    message_id,
    bool_or(is_tried) as is_tried
from (
    select
        message_id,
        true as is_tried
    from {{ source('raw', 'delivery_log') }}
    where as_of >= {{ since_marts() }}

    union all

    select
        message_id,
        true as is_tried
    from {{ source('raw', 'unmeasured_deliveries') }}

    union all

    select
        message_id,
        false as is_tried
    from {{ source('raw', 'engagement') }}
    where _load > {{ since_marts_load() }}
) as news
group by message_id
