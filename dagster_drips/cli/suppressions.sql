-- Who is suppressed at the last tick, and since when: of several wishes of one kind the latest.

-- name: suppressed
select
    now.address as email,
    now.reason,
    nullif(max(facts.occurred_at), timestamp '0001-01-01') as occurred_at,
    now.topic
from decide.suppressions_now as now
inner join decide.suppression_facts as facts
    on
        now.address = facts.address
        and now.reason = facts.reason
        and now.topic is not distinct from facts.topic
where facts.occurred_at <= (select as_of from raw.tick)
group by now.address, now.reason, now.topic
order by now.address, now.reason, now.topic
