-- What deciding needs of a lead, apart from its custom fields. Whoever asks for `address` and nothing else mails nobody whom
-- only a page knows and who has not confirmed.
with

leads as (

    select
        lead_id,
        {{ trimmed('email') }} as recipient,
        {{ address('email') }} as address,
        {{ trimmed('timezone') }} as timezone,
        _drips_source
    from {{ ref('stg_leads') }}

),

-- Asked of the leads that somebody asks for: a join would make every lead's address first.
told_apart as (

    select
        *,
        coalesce(
            (lead_id, address) in (select confirmed.lead_id, confirmed.address from {{ ref('confirmed_addresses') }} as confirmed),
            false
        ) as is_confirmed
    from leads

)

select
    leads.lead_id,
    leads.recipient,
    case
        when {{ is_trusted('leads') }} then leads.address
        when leads.is_confirmed then leads.address
        when leads._drips_source = 'anonymous' and project.page_leads = 'mail' then leads.address
    end as address,
    case
        when not leads.is_confirmed and leads._drips_source = 'anonymous' and project.page_leads = 'confirm' then leads.address
    end as unconfirmed_address,
    leads.timezone
from told_apart as leads
cross join {{ source('raw', 'project_settings') }} as project
