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

)

select
    leads.lead_id,
    leads.recipient,
    case
        when {{ is_trusted('leads') }} then leads.address
        when confirmed.lead_id is not null then leads.address
        when leads._drips_source = 'anonymous' and project.page_leads = 'mail' then leads.address
    end as address,
    case
        when confirmed.lead_id is null and leads._drips_source = 'anonymous' and project.page_leads = 'confirm' then leads.address
    end as unconfirmed_address,
    leads.timezone
from leads
cross join {{ source('raw', 'project_settings') }} as project
-- The address is no key to join by, or it would be made of every lead where a few are asked for.
left join {{ ref('confirmed_addresses') }} as confirmed
    on leads.lead_id = confirmed.lead_id and not leads.address <> confirmed.address
