-- name: days
-- Of this month's and the last month's rows those of a day are a part; the last of them are young.
select
    coalesce(cast(date_trunc('month', max(as_of)) - interval 1 month as date), date '0001-01-01') as days_from,
    coalesce(cast(max(as_of) as date) + 1 - ?::integer, date '0001-01-01') as young_from
from journal.ticks

-- name: part
coalesce(
    cast(case when ${column} >= ${days_from} then cast(${column} as date) else cast(date_trunc('month', ${column}) as date) end as varchar),
    '0001-01-01'
)

-- name: fingerprint
-- As a whole table's, of each part.
select
    ${part} as part,
    count(*) as row_count,
    sum(hash(${columns})) as content
from ${relation}
group by 1

-- name: write_parts
copy (select *, ${part} as drips_part from ${relation})
to ${folder} (${options}, partition_by (drips_part), overwrite_or_ignore true)

-- name: write_part
copy (select * from ${relation} where ${condition})

-- name: take_away
delete from published.${relation}
where ${outdated}

-- name: add
insert into published.${relation}
select * from ${relation}
where ${changed}
