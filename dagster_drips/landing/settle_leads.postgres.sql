-- As settle_leads.sql: every version is kept (T2), but a row that says just what the row loaded before it said of the
-- same lead and moment is a repetition. The placeholders are all columns but _load and _line, and all, quoted.

drop table if exists pg_temp.landing_contested;
create temp table landing_contested as
with moments as (
    select
        lead_id,
        coalesce(updated_at, created_at) as _drips_moment,
        count(*) as _drips_rows
    from landing_staged
    group by lead_id, coalesce(updated_at, created_at)
)

select moments.lead_id, moments._drips_moment
from moments
where
    moments._drips_rows > 1
    or exists (
        select 1
        from raw.leads as loaded
        where loaded.lead_id = moments.lead_id and coalesce(loaded.updated_at, loaded.created_at) = moments._drips_moment
    );

insert into raw.leads (${columns})
with

earlier as (
    select ${columns}, true as _drips_is_loaded
    from raw.leads as loaded
    where (lead_id, coalesce(updated_at, created_at)) in (select lead_id, _drips_moment from landing_contested)
),

later as (
    select ${columns}, false as _drips_is_loaded
    from landing_staged as staged
),

versions as (
    select * from earlier
    union all
    select * from later
),

compared as (
    select
        *,
        row(${content}) as _drips_content,
        lag(row(${content})) over (
            partition by lead_id, coalesce(updated_at, created_at)
            order by _load, _line
        ) as _drips_content_before,
        row_number() over (
            partition by lead_id, coalesce(updated_at, created_at)
            order by _load, _line
        ) as _drips_nth
    from versions
)

select ${columns}
from compared
where
    not _drips_is_loaded
    and (_drips_nth = 1 or _drips_content is distinct from _drips_content_before)
order by _load, _line;

drop table landing_contested;
