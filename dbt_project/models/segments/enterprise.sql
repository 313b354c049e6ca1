select lead_id
from {{ ref('stg_leads') }}
where {{ has_tag('enterprise') }}
