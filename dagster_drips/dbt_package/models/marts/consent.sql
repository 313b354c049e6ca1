-- Sparse: an address has a row for all mail, and one more for each topic of which something is on record.
with

people as (

    select
        coalesce(mailable.address, mailable.unconfirmed_address) as address,
        bool_or(mailable.address is not null) as is_confirmed,
        min(leads.created_at) as joined_at
    from {{ ref('stg_mailable_leads') }} as mailable
    inner join {{ ref('stg_leads') }} as leads
        on mailable.lead_id = leads.lead_id
    where coalesce(mailable.address, mailable.unconfirmed_address) is not null
    group by 1

),

confirmations as (

    select
        address,
        min(effective_at) as confirmed_at
    from {{ ref('int_engagement_facts') }}
    where
        type = 'confirmed'
        and effective_at <= {{ as_of() }}
    group by address

),

-- What holds comes before what was lifted, and of that the strongest reason, and its first beginning.
ranked as (

    select
        *,
        row_number() over (
            partition by address, topic
            order by
                case when lifted_at is null then 1 else 2 end,
                case when lifted_at is null then precedence end,
                case when lifted_at is null then began_at end,
                lifted_at desc,
                source
        ) as place
    from {{ ref('int_suppression_spells') }}

),

recorded as (

    select
        address,
        topic,
        case when lifted_at is null then reason else 'subscribed' end as status,
        case when lifted_at is null then nullif(began_at, timestamp '0001-01-01') else lifted_at end as since,
        case when lifted_at is null then source else 'resubscribed' end as source,
        case when lifted_at is null then message_id end as message_id
    from ranked
    where place = 1

),

of_all_mail as (

    select
        coalesce(people.address, about_all.address) as address,
        -- Nothing on record about all mail of an address that nobody has leaves it to its topics.
        case
            when about_all.status <> 'subscribed' then about_all.status
            when not people.is_confirmed then 'unconfirmed'
            else 'subscribed'
        end as status,
        case
            when about_all.status <> 'subscribed' then about_all.since
            when not people.is_confirmed then people.joined_at
            when about_all.address is not null then about_all.since
            else coalesce(confirmations.confirmed_at, people.joined_at)
        end as since,
        case
            when about_all.status <> 'subscribed' then about_all.source
            when not people.is_confirmed then 'lead'
            when about_all.address is not null then about_all.source
            when confirmations.address is not null then 'confirmed'
            else 'lead'
        end as source,
        about_all.message_id,
        people.joined_at,
        confirmations.confirmed_at
    from people
    full outer join (select * from recorded where topic is null) as about_all
        on people.address = about_all.address
    left join confirmations
        on coalesce(people.address, about_all.address) = confirmations.address

)

select
    address,
    {{ no_text() }} as topic,
    status,
    status = 'subscribed' as is_mailable,
    since,
    source,
    message_id,
    joined_at,
    confirmed_at
from of_all_mail

union all

select
    recorded.address,
    recorded.topic,
    recorded.status,
    recorded.status = 'subscribed' and coalesce(of_all_mail.status, 'subscribed') = 'subscribed' as is_mailable,
    recorded.since,
    recorded.source,
    recorded.message_id,
    of_all_mail.joined_at,
    of_all_mail.confirmed_at
from recorded
left join of_all_mail
    on recorded.address = of_all_mail.address
where recorded.topic is not null
