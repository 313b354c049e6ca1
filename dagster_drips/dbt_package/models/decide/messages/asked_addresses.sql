-- A form can be made to name one address again and again; whatever became of an attempt, it counts.
select
    {{ address('deliveries.recipient') }} as address,
    min(deliveries.message_id) as one_message,
    max(deliveries.message_id) as other_message
from {{ source('earlier_sends', 'delivery_log') }} as deliveries
inner join {{ ref('live_sequences') }} as sequences
    on deliveries.sequence_id = sequences.sequence_id and sequences.confirmation
where deliveries.as_of > {{ add_seconds(as_of(), '-86400') }}
group by 1
