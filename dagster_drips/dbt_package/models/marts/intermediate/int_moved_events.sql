{{ config(materialized='view') }}

with

-- Whose events are another lead's now.
identities as (

    select anonymous_id
    from {{ ref('current_identity_links') }}
    where
        _load > {{ since_marts_load() }}
        or {{ came_of_age_since_marts('linked_at') }}
    union distinct
    select known.anonymous_id
    from {{ ref('current_identities') }} as known
    inner join {{ source('raw', 'leads') }} as leads
        on known.anonymous_id = leads.lead_id
    where leads._load > {{ since_marts_load() }}

),

landed as (

    select *
    from {{ source('raw', 'events') }}
    where
        _load > {{ since_marts_load() }}
        or {{ came_of_age_since_marts('occurred_at') }}
        or {{ came_of_age_since_marts('received_at') }}
        or lead_id in (select anonymous_id from identities)

)

{{ visible_events('landed', as_of()) }}
