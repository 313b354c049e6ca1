-- Each attribution model shares out a sale once and whole.
select
    event_id,
    model,
    sum(credit) as credit
from {{ ref('sales_attribution') }}
group by event_id, model
having abs(sum(credit) - 1) > 0.000001
