select * from {{ ref('next_steps_after_sending') }}
