select * from {{ ref('current_leads') }}
