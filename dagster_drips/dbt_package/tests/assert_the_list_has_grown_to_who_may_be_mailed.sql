{{ config(tags=['ci']) }}

-- What joined and left by days comes to the addresses of which nothing speaks against mail now.
select *
from (
    select
        (select coalesce(sum(net_growth), 0) from {{ ref('list_growth') }}) as grown,
        (
            select count(*) from {{ ref('consent') }}
            where topic is null and is_mailable and joined_at is not null
        ) as mailable
) as sizes
where grown <> mailable
