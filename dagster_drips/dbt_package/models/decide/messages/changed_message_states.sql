{{ config(materialized='table') }}

with

-- An earlier attempt counts, too.
retried as (

    select message_id
    from {{ source('earlier_sends', 'delivery_log') }}
    where
        as_of >= {{ since() }}
        and attempt > 1
    union distinct
    select message_id from {{ source('raw', 'late_deliveries') }}

),

deliveries as (

    select *
    from {{ source('earlier_sends', 'delivery_log') }}
    where as_of >= {{ since() }}

    union all

    select *
    from {{ source('earlier_sends', 'delivery_log') }}
    where
        as_of < {{ since() }}
        and message_id in (select message_id from retried)

)

select * from (
    {{ message_states_of('deliveries') }}
) as states
