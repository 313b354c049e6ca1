-- By which key a due message finds its rows in the content models that its step uses (M9). Only sending and `freeze` ask.
select
    due.message_id,
    due.enrollment_id,
    due.step_id,
    due.lead_id,
    due.attempt,
    uses.content,
    coalesce(models.key, 'lead_id') as key,
    coalesce(models.is_many, false) as is_many,
    models.content is null as is_missing,
    models.failure,
    case models.key
        when 'lead_id' then due.lead_id
        when 'event_id' then events.event_id
        else {{ property_text('events.properties', 'events.number_texts', 'models.key') }}
    end as key_value
from {{ ref('due_steps') }} as due
inner join {{ source('raw', 'step_content') }} as uses
    on due.sequence_id = uses.sequence_id and due.step_id = uses.step_id
left join {{ source('raw', 'content_models') }} as models
    on uses.content = models.content
left join {{ source('raw', 'events') }} as events
    on
        due.trigger_kind = 'event'
        and models.key <> 'lead_id'
        and due.occurrence_id = events.event_id
