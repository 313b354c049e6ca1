-- Staged events and engagement into their raw table: of two rows with one key the first in the order of loading counts.
-- The placeholders are the raw table and its idempotency key.
-- Keys that are known or repeated are few: finding them first spares a sort of all rows.

create or replace temp table landing_known as
select distinct ${table}.${key} as key
from ${table}
semi join landing_staged on landing_staged.${key} = ${table}.${key};

create or replace temp table landing_repeated as
with repeated as (
    select ${key} as key
    from landing_staged
    group by ${key}
    having count(*) > 1
)
select staged.${key} as key, min({load: staged._load, line: staged._line}) as first_row
from landing_staged as staged
semi join repeated on repeated.key = staged.${key}
group by staged.${key};

insert into ${table} by name
select staged.*
from landing_staged as staged
left join landing_repeated as repeated on repeated.key = staged.${key}
anti join landing_known as known on known.key = staged.${key}
where repeated.key is null or repeated.first_row = {load: staged._load, line: staged._line};

drop table landing_known;
drop table landing_repeated;
