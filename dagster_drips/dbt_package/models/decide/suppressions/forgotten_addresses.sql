{{ config(materialized='table', meta={'empty_without': ['raw.forgotten']}) }}

-- A table, since hashing every address costs too much to be done at every question; without anybody forgotten nothing is hashed.
with

project as (

    select max(pepper) as pepper
    from {{ source('raw', 'forgotten') }}
    having count(*) > 0

),

hashed as (

    select
        leads.address,
        {{ sha256_hex("project.pepper || 'address:' || leads.address") }} as address_hash,
        {{ sha256_hex("project.pepper || 'lead:' || leads.lead_id") }} as lead_hash
    from project
    cross join (
        select
            lead_id,
            coalesce(address, unconfirmed_address) as address
        from {{ ref('stg_mailable_leads') }}
    ) as leads
    where leads.address is not null

)

select distinct address
from hashed
where
    address_hash in (select hash from {{ source('raw', 'forgotten') }} where kind = 'address')
    or lead_hash in (select hash from {{ source('raw', 'forgotten') }} where kind = 'lead')
