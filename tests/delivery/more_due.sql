-- Messages like the first one, of other people.

-- name: due_steps
insert into decide.due_steps by name
select
    due.* replace (
        printf('%032x', n) as message_id,
        'e' || n as enrollment_id,
        'lead' || n as lead_id,
        'lead' || n || '@example.org' as recipient,
        'lead' || n || '@example.org' as address,
        n as send_rank
    )
from decide.due_steps as due, range($first, $after) as more(n)
where due.message_id = printf('%032x', 1)

-- name: leads
insert into staging.stg_leads by name
select 'lead' || n as lead_id, 'Ada' as first_name from range($first, $after) as more(n)
