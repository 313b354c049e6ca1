-- As settle_first_of_key.sql: of two rows with one key the first in the order of loading counts.
-- The placeholders are the raw table, its idempotency key and all columns of what is staged, quoted.

drop table if exists pg_temp.landing_known;
create temp table landing_known as
select distinct ${table}.${key} as key
from ${table}
where ${table}.${key} in (select ${key} from landing_staged);

insert into ${table} (${columns})
select ${columns}
from (
    select
        staged.*,
        row_number() over (partition by staged.${key} order by staged._load, staged._line) as _drips_nth
    from landing_staged as staged
    where not exists (select 1 from landing_known as known where known.key = staged.${key})
) as numbered
where _drips_nth = 1;

drop table landing_known;
