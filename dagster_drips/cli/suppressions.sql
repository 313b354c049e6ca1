-- Who is suppressed at the last tick, and since when: of several wishes of one kind the latest.

-- name: suppressed
select
    suppressions.address as email,
    suppressions.reason,
    nullif(max(facts.occurred_at), timestamp '0001-01-01') as occurred_at,
    suppressions.topic
from decide.current_suppressions as suppressions
inner join decide.suppression_facts as facts
    on
        suppressions.address = facts.address
        and suppressions.reason = facts.reason
        and suppressions.topic is not distinct from facts.topic
where facts.occurred_at <= (select as_of from raw.tick)
group by suppressions.address, suppressions.reason, suppressions.topic
order by suppressions.address, suppressions.reason, suppressions.topic
