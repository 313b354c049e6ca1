-- Whom a sequence is for, of the leads that were published last, and what they lack.

-- name: leads
-- Members of every segment that it includes, of the one that triggers it, and of none that it excludes (E5).
select count(*) as leads${counts}
from marts.lead_profiles
where
    list_has_all(coalesce(segments, []), cast(? as varchar[]))
    and not list_has_any(coalesce(segments, []), cast(? as varchar[]))

-- name: leads for postgres
select count(*) as leads${counts}
from marts.lead_profiles
where
    coalesce(segments, '{}') @> cast(? as varchar[])
    and not coalesce(segments, '{}') && cast(? as varchar[])
