-- name: forget
delete from raw.mail_exchangers

-- name: load
insert into raw.mail_exchangers
select domain, exchanger, asked_at
from read_csv(
    ?,
    header = true,
    nullstr = '',
    columns = {'domain': 'varchar', 'exchanger': 'varchar', 'asked_at': 'timestamp'}
)

-- name: domains
select
    recipient_domain as domain,
    bool_and(mailbox_provider = recipient_domain) as is_unnamed
from marts.deliverability
where recipient_domain is not null
group by recipient_domain
order by recipient_domain
