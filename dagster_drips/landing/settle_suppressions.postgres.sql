-- As settle_suppressions.sql: a row that is there already, in all its columns, adds nothing. The placeholder stands for
-- all columns of what is staged, quoted.

insert into raw.suppressions (${columns})
with numbered as (
    select
        *,
        row_number() over (partition by email, reason, occurred_at, topic order by _load, _line) as _drips_nth
    from landing_staged
)

select ${columns}
from numbered
where
    _drips_nth = 1
    and not exists (
        select 1
        from raw.suppressions as known
        where
            known.email = numbered.email
            and known.reason is not distinct from numbered.reason
            and known.occurred_at is not distinct from numbered.occurred_at
            and known.topic is not distinct from numbered.topic
    );
