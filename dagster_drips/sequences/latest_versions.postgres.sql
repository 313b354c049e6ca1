-- As latest_versions.sql. Every row has its number here.
select
    sequence_id,
    version_id,
    status,
    file_state,
    versions
from (
    select
        *,
        count(*) over (partition by sequence_id) as versions,
        row_number() over (
            partition by sequence_id order by seen_at desc, coalesce(version_number, 0) desc, version_id desc
        ) as nth
    from journal.sequence_versions
) as numbered
where nth = 1
