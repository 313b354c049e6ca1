-- Data for tick.py, made straight as Parquet. The history is sixty days up to $start; $leads people, twenty events each.

-- name: leads
copy (
    select
        'L' || n as lead_id,
        $start::timestamp - to_seconds(cast(hash(n, 'created') % (60 * 86400) as bigint)) as created_at,
        'p' || n || '@bench.example' as email,
        'P' || n as first_name,
        ['de', 'fr', 'us', 'in', 'au', 'jp', 'gb', 'it', 'es', 'br'][1 + cast(hash(n, 'country') % 10 as bigint)] as country,
        ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'][1 + cast(hash(n, 'zone') % 4 as bigint)] as timezone
    from range($leads) as numbers (n)
) to '{folder}/leads/0001.parquet'

-- name: history
copy (
    select
        'e' || n as event_id,
        'L' || (hash(n, 'lead') % $leads) as lead_id,
        'event_' || (hash(n, 'event') % 40) as event,
        $start::timestamp - to_seconds(60 * 86400)::interval
        + to_seconds(n * 60 * 86400 // ($leads * 20)) as occurred_at,
        '{"product": "Acme Team", "items": ' || (hash(n, 'items') % 5) || ', "plan": "p' || (hash(n, 'plan') % 4) || '"}' as properties
    from range($leads * 20) as numbers (n)
) to '{folder}/events/0001.parquet'

-- name: news
copy (
    select
        'n' || $number || '_' || n as event_id,
        'L' || (hash(n, $number, 'lead') % $leads) as lead_id,
        'event_' || (hash(n, $number, 'event') % 40) as event,
        $since::timestamp + to_seconds(1 + n * ($seconds - 1) // greatest($rows, 1)) as occurred_at,
        '{"product": "Acme Team", "items": ' || (hash(n, 'items') % 5) || ', "plan": "p' || (hash(n, 'plan') % 4) || '"}' as properties
    from range($rows) as numbers (n)
) to '{folder}/events/news_{number}.parquet'

-- name: history_counts
select
    (select count(*) from raw.events) as events,
    (select count(*) from journal.enrollment_decisions where decision = 'enrolled') as enrollments,
    (select count(distinct message_id) from raw.delivery_log) as messages
