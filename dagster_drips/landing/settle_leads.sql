-- Staged leads into raw.leads: every version is kept (T2), but a row that says just what the row loaded before it said
-- of the same lead and moment is a repetition. The placeholder stands for all columns but _load and _line, quoted.
-- Names of our own begin with _drips_, as no custom field's does.
-- Leads and moments with more than one row are few: only their rows are compared, column by column.

create or replace temp table landing_contested as
with moments as (
    select
        lead_id,
        coalesce(updated_at, created_at) as _drips_moment,
        count(*) as _drips_rows
    from landing_staged
    group by lead_id, _drips_moment
)

select moments.lead_id, moments._drips_moment
from moments
where moments._drips_rows > 1
union
select moments.lead_id, moments._drips_moment
from moments
semi join raw.leads as loaded
    on loaded.lead_id = moments.lead_id
    and coalesce(loaded.updated_at, loaded.created_at) = moments._drips_moment;

insert into raw.leads by name
select staged.*
from landing_staged as staged
anti join landing_contested as contested
    on contested.lead_id = staged.lead_id
    and contested._drips_moment = coalesce(staged.updated_at, staged.created_at);

insert into raw.leads by name
with
earlier as (
    select loaded.*
    from raw.leads as loaded
    semi join landing_contested as contested
        on contested.lead_id = loaded.lead_id
        and contested._drips_moment = coalesce(loaded.updated_at, loaded.created_at)
),

later as (
    select staged.*
    from landing_staged as staged
    semi join landing_contested as contested
        on contested.lead_id = staged.lead_id
        and contested._drips_moment = coalesce(staged.updated_at, staged.created_at)
),

versions as (
    select *, true as _drips_is_loaded from earlier
    union all by name
    select *, false as _drips_is_loaded from later
),

contents as (
    select *, row(${content}) as _drips_content
    from versions
),

compared as (
    select
        *,
        lag(_drips_content) over (
            partition by lead_id, coalesce(updated_at, created_at)
            order by _load, _line
        ) as _drips_content_before
    from contents
)

select * exclude (_drips_is_loaded, _drips_content, _drips_content_before)
from compared
where
    not _drips_is_loaded
    and (_drips_content_before is null or _drips_content is distinct from _drips_content_before);

drop table landing_contested;
