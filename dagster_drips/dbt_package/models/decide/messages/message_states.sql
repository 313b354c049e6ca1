select * from {{ ref('current_message_states') }}
