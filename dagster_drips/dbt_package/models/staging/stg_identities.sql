select
    anonymous_id,
    lead_id
from {{ ref('current_identities') }}
where lead_id is not null
