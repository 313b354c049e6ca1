-- Staged suppressions into raw.suppressions: a row that is there already, in all its columns, adds nothing.

insert into raw.suppressions by name
with numbered as (
    select
        *,
        row_number() over (partition by email, reason, occurred_at, topic order by _load, _line) as nth
    from landing_staged
)

select numbered.* exclude (nth)
from numbered
anti join raw.suppressions as known
    on known.email = numbered.email
    and known.reason is not distinct from numbered.reason
    and known.occurred_at is not distinct from numbered.occurred_at
    and known.topic is not distinct from numbered.topic
where numbered.nth = 1;
