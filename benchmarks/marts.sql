-- A past of $messages messages for `marts.py`: four to a lead, about ten events a lead, opens and clicks of half of them.

-- name: leads
insert into raw.leads by name
select
    'L' || i as lead_id,
    $start - interval 40 days + interval (i % 80000) minutes as created_at,
    'p' || i || '@bench.example' as email,
    (['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'])[i % 4 + 1] as timezone,
    [(['enterprise', 'small_business', 'other'])[i % 3 + 1]] as tags,
    1 as _load,
    i + 1 as _line
from range($messages // 4) as rows (i)

-- name: events
insert into raw.events by name
select
    'e' || i as event_id,
    'L' || (i * 7919) % ($messages // 4) as lead_id,
    (['login', 'page_viewed', 'cart', 'purchase', 'feature_used'])[i % 5 + 1] as event,
    $start + interval (i % 2500000) seconds as occurred_at,
    case when i % 5 = 3 then i % 200 end as value,
    case when i % 5 = 3 then 'EUR' end as currency,
    2 as _load,
    i + 1 as _line
from range($messages * 5 // 2) as rows (i)

-- name: files
insert into raw.loaded_files
select load_id, kind, kind || '/1.jsonl', 1, 'x', 1, 0, 0, $start
from (values (1, 'leads'), (2, 'events'), (3, 'engagement')) as files (load_id, kind)

-- name: enrollments
insert into journal.enrollment_decisions by name
with steps as (
    select sequence_id, row_number() over (order by sequence_id) - 1 as turn, count(*) over () as turns
    from raw.sequences
)
select
    steps.sequence_id,
    leads.lead_id,
    'lead_created:' || leads.lead_id as occurrence_id,
    leads.created_at as occurred_at,
    $start + interval (leads._line % 600) hours as decided_at,
    'enrolled' as decision,
    md5(steps.sequence_id || ':' || leads.lead_id || ':lead_created:' || leads.lead_id) as enrollment_id,
    case when leads._line % 20 = 0 then 'control' else 'treatment' end as arm
from raw.leads as leads
inner join steps
    on steps.turn in (leads._line % steps.turns, (leads._line + 1) % steps.turns)

-- name: deliveries
insert into raw.delivery_log by name
with sends as (
    select
        decisions.*,
        steps.step_id,
        variants.variant_id,
        least(decisions.decided_at + interval (steps.position * 20) hours, $start + interval 30 days) as as_of,
        md5(decisions.enrollment_id || ':' || steps.step_id) as message_id
    from journal.enrollment_decisions as decisions
    inner join raw.sequence_steps as steps
        on decisions.sequence_id = steps.sequence_id and steps.position <= 2
    left join raw.step_variants as variants
        on steps.sequence_id = variants.sequence_id and steps.step_id = variants.step_id and variants.position = 1
    where decisions.arm = 'treatment'
)
select
    message_id,
    1 as attempt,
    outcome,
    as_of + interval 2 seconds as recorded_at,
    as_of,
    enrollment_id,
    sequence_id,
    'v1' as version_id,
    step_id,
    variant_id,
    lead_id,
    'ada@acme.example' as sender,
    'p' || lead_id[2:] || '@bench.example' as recipient,
    as_of as scheduled_at,
    false as transactional,
    case outcome when 'sent' then 250 end as smtp_code
from sends
cross join (values ('claimed'), ('sent')) as outcomes (outcome)

-- name: engagement
insert into raw.engagement by name
select
    'g' || row_number() over () as engagement_id,
    message_id,
    facts.type,
    recorded_at + interval (hash(message_id) % 90000) seconds as occurred_at,
    case facts.type when 'clicked' then 'https://acme.example/' || hash(message_id) % 5 end as url,
    case hash(message_id) % 3 when 0 then 'Mozilla/5.0' else 'Mozilla/5.0 (X11; Linux) Firefox/' || hash(message_id) % 90 end
        as user_agent,
    3 as _load,
    row_number() over () as _line
from raw.delivery_log
inner join (values ('opened', 2), ('clicked', 8), ('bounced', 60), ('unsubscribed', 90)) as facts (type, one_in)
    on hash(message_id || facts.type) % facts.one_in = 0
where outcome = 'sent'

-- name: news
-- Of the tick that begins at $as_of: 1 % more leads, events and messages, and opens of what was sent in the last three days.
-- Files have numbers from $load on.
insert into raw.loaded_files
select load_id, kind, kind || '/' || load_id || '.jsonl', 1, 'x', 1, 0, 0, $as_of
from (values ($load, 'leads'), ($load + 1, 'events'), ($load + 2, 'engagement')) as files (load_id, kind)

-- name: new_leads
insert into raw.leads by name
select
    'N' || $load || '_' || i as lead_id,
    $as_of - interval (i % 240 + 1) seconds as created_at,
    'n' || $load || '_' || i || '@bench.example' as email,
    'UTC' as timezone,
    [(['enterprise', 'small_business', 'other'])[i % 3 + 1]] as tags,
    $load as _load,
    i + 1 as _line
from range($messages // 400) as rows (i)

-- name: new_events
insert into raw.events by name
select
    'e' || $load || '_' || i as event_id,
    'L' || (i * 7919 + $load) % ($messages // 4) as lead_id,
    (['login', 'page_viewed', 'cart', 'purchase', 'feature_used'])[i % 5 + 1] as event,
    $as_of - interval (i % 240 + 1) seconds as occurred_at,
    case when i % 5 = 3 then i % 200 end as value,
    case when i % 5 = 3 then 'EUR' end as currency,
    $load + 1 as _load,
    i + 1 as _line
from range($messages // 40) as rows (i)

-- name: new_enrollments
insert into journal.enrollment_decisions by name
with steps as (
    select sequence_id, row_number() over (order by sequence_id) - 1 as turn, count(*) over () as turns
    from raw.sequences
)
select
    steps.sequence_id,
    leads.lead_id,
    'lead_created:' || leads.lead_id as occurrence_id,
    leads.created_at as occurred_at,
    $as_of - interval 1 second as decided_at,
    'enrolled' as decision,
    md5(steps.sequence_id || ':' || leads.lead_id || ':lead_created:' || leads.lead_id) as enrollment_id,
    case when leads._line % 20 = 0 then 'control' else 'treatment' end as arm
from raw.leads as leads
inner join steps
    on steps.turn in (leads._line % steps.turns, (leads._line + 1) % steps.turns)
where leads._load = $load

-- name: new_deliveries
insert into raw.delivery_log by name
select
    md5(decisions.enrollment_id || ':' || steps.step_id) as message_id,
    1 as attempt,
    outcome,
    $as_of + interval 2 seconds as recorded_at,
    $as_of as as_of,
    decisions.enrollment_id,
    decisions.sequence_id,
    'v1' as version_id,
    steps.step_id,
    variants.variant_id,
    decisions.lead_id,
    'ada@acme.example' as sender,
    'n' || decisions.lead_id[2:] || '@bench.example' as recipient,
    $as_of as scheduled_at,
    false as transactional,
    case outcome when 'sent' then 250 end as smtp_code
from journal.enrollment_decisions as decisions
inner join raw.leads as leads
    on decisions.lead_id = leads.lead_id and leads._load = $load
inner join raw.sequence_steps as steps
    on decisions.sequence_id = steps.sequence_id and steps.position <= 2
left join raw.step_variants as variants
    on steps.sequence_id = variants.sequence_id and steps.step_id = variants.step_id and variants.position = 1
cross join (values ('claimed'), ('sent')) as outcomes (outcome)
where decisions.arm = 'treatment'

-- name: new_engagement
insert into raw.engagement by name
select
    'g' || $load || '_' || message_id as engagement_id,
    message_id,
    'opened' as type,
    $as_of - interval 10 seconds as occurred_at,
    'Mozilla/5.0 (X11; Linux) Firefox/' || hash(message_id) % 90 as user_agent,
    $load + 2 as _load,
    row_number() over () as _line
from raw.delivery_log
where outcome = 'sent' and as_of >= $as_of - interval 3 days and hash(message_id || $load) % 20 = 0

-- name: last
select
    (select as_of from raw.tick) as as_of,
    (select max(load_id) from raw.loaded_files) as load
