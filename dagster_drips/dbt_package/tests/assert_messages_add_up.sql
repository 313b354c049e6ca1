-- A sent message is in one state, and a rate's numerator never outgrows what it is of.
select *
from {{ ref('sequence_performance') }}
where
    delivered + bounced + pending + undelivered <> sent
    or greatest(opened, clicked, unsubscribed, complained, replied) > delivered
    or bounced + refused > answered
