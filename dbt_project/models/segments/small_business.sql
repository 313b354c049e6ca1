select lead_id
from {{ ref('stg_leads') }}
where {{ has_tag('small_business') }} or {{ has_tag('smb') }}
