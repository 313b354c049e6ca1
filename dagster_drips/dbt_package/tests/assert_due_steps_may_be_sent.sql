-- E8, L3 and the promise that no message goes out twice: one test, since every test costs a tick its share.
{{ config(meta={'dagster': {'ref': {'name': 'due_steps', 'package': 'drips'}}}) }}
select
    due.message_id,
    case
        when messages.message_id is not null then 'tried already: ' || messages.status
        when enrollments.arm = 'control' then 'control'
        else 'suppressed'
    end as reason
from {{ ref('due_steps') }} as due
inner join {{ ref('live_sequences') }} as sequences
    on due.sequence_id = sequences.sequence_id
left join {{ ref('current_message_states') }} as messages
    on due.message_id = messages.message_id and messages.status <> 'deferred'
left join {{ ref('open_enrollments') }} as enrollments
    on due.enrollment_id = enrollments.enrollment_id
left join {{ ref('current_suppressions') }} as suppressions
    on
        due.address = suppressions.address
        and {{ suppression_applies('suppressions', 'sequences') }}
where
    messages.message_id is not null
    or enrollments.arm = 'control'
    or suppressions.address is not null
