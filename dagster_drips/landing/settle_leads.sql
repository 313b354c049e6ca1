-- Staged leads into raw.leads: every version is kept (T2), but a row that says just what the row loaded before it said
-- of the same lead and moment is a repetition. ${content} lists all columns but _load and _line.

insert into raw.leads by name
with
earlier as (
    select loaded.*
    from raw.leads as loaded
    semi join landing_staged as staged
        on staged.lead_id = loaded.lead_id
        and coalesce(staged.updated_at, staged.created_at) = coalesce(loaded.updated_at, loaded.created_at)
),

versions as (
    select *, true as is_loaded from earlier
    union all by name
    select *, false as is_loaded from landing_staged
),

compared as (
    select
        *,
        row(${content}) as content,
        lag(row(${content})) over (
            partition by lead_id, coalesce(updated_at, created_at)
            order by _load, _line
        ) as content_before
    from versions
)

select * exclude (is_loaded, content, content_before)
from compared
where not is_loaded and (content_before is null or content is distinct from content_before);
