-- Staged leads into raw.leads: every version is kept (T2), but a row that says just what the row loaded before it said
-- of the same lead and moment is a repetition. The placeholder stands for all columns but _load and _line, quoted.
-- Names of our own begin with _drips_, as no custom field's does.

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
    select *, true as _drips_is_loaded from earlier
    union all by name
    select *, false as _drips_is_loaded from landing_staged
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
