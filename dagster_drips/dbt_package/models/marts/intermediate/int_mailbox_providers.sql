-- A domain that is a provider's own needs no MX; of the others it is who runs the server that takes their mail, by the longest name that fits.
with

known as (

    select
        domain,
        provider
    from {{ ref('mailbox_providers') }}

),

matched as (

    select
        exchangers.domain,
        providers.provider,
        row_number() over (partition by exchangers.domain order by length(providers.suffix) desc) as choice
    from {{ source('raw', 'mail_exchangers') }} as exchangers
    inner join {{ ref('mail_exchanger_providers') }} as providers
        on
            exchangers.exchanger = providers.suffix
            or right(exchangers.exchanger, length(providers.suffix) + 1) = '.' || providers.suffix
    where exchangers.domain not in (select domain from known)

)

select
    domain,
    provider
from known

union all

select
    domain,
    provider
from matched
where choice = 1
