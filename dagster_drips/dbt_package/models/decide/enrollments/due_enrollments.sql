{{ config(materialized='table') }}

-- The others have nothing to do at this tick: their time has not come, their sequence doesn't run, or their window is closed (M5).
with

due as (

    select enrollments.*
    from {{ ref('current_enrollments') }} as enrollments
    inner join {{ ref('live_sequences') }} as sequences
        on enrollments.sequence_id = sequences.sequence_id and sequences.is_running
    where
        enrollments.is_open
        and enrollments.matters_at <= {{ as_of() }}

)

select
    due.enrollment_id,
    due.sequence_id,
    due.lead_id,
    due.occurrence_id,
    due.triggered_at,
    due.enrolled_at,
    due.arm
from due
inner join {{ ref('live_sequences') }} as sequences
    on due.sequence_id = sequences.sequence_id
cross join {{ source('raw', 'project_settings') }} as project
left join {{ ref('stg_mailable_leads') }} as leads
    on due.lead_id = leads.lead_id
left join {{ source('raw', 'time_zones') }} as lead_zones
    on leads.timezone = lead_zones.timezone
left join {{ ref('open_windows') }} as windows
    on
        due.sequence_id = windows.sequence_id
        and windows.timezone = {{ window_zone_of('sequences.window_timezone', 'lead_zones.timezone', 'project.timezone') }}
where
    windows.sequence_id is not null
    or due.is_tried
    or due.expires_at <= {{ as_of() }}
    -- A confirmation that is needed no more is skipped at any hour (M6).
    or sequences.confirmation
