-- The due rows and leads of one send, numbered from 0; content.py makes the same leads one at a time.
create or replace table staging.stg_leads as
select
    printf('L%07d', n) as lead_id,
    'lead' || n || '@mail' || n % 20 || '.example' as email,
    ['Ada', 'Grace', 'Zoë', 'Linus', 'Øyvind'][n % 5 + 1] as first_name,
    'Company ' || n % 997 || ' & Sons' as company,
    ['London', 'Zürich', 'Oslo', 'Lisbon'][n % 4 + 1] as city,
    ['free', 'team', 'pro'][n % 3 + 1] as plan,
    n % 90 + 2 as seats,
    n % 140 as tasks_done,
    n % 23 as hours_saved,
    timestamp '2026-01-01' as created_at
from range($messages) as numbers (n);

insert into decide.due_steps by name
select
    md5(lead_id) as message_id,
    md5('enrollment ' || lead_id) as enrollment_id,
    'weekly' as sequence_id,
    'v1' as version_id,
    'report' as step_id,
    lead_id,
    'ada@acme.example' as sender_email,
    'Ada Lovelace' as sender_name,
    'help@acme.example' as sender_reply_to,
    email as recipient,
    email as address,
    $as_of::timestamp as scheduled_at,
    $as_of::timestamp as as_of,
    1 as attempt,
    false as transactional,
    created_at as triggered_at,
    'lead_created:' || lead_id as occurrence_id,
    'lead_created' as trigger_kind,
    row_number() over (order by lead_id) as send_rank
from staging.stg_leads;
