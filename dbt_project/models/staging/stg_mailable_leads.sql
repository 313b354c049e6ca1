-- What deciding needs of a lead, apart from its custom fields.
select
    lead_id,
    {{ trimmed('email') }} as recipient,
    {{ address('email') }} as address,
    {{ trimmed('timezone') }} as timezone
from {{ ref('stg_leads') }}
