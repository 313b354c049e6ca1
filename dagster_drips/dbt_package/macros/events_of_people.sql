{#- Visible events of these people (T2), of these names, dated after an instant, whenever they landed: their own and those of the anonymous ids that
    are theirs. `people` has a `lead_id`, `names` an `event`; of all that ever landed nothing else is looked at. -#}
{% macro events_of_people(people, names, after) -%}
    with

    landed as (

        select *
        from {{ source('raw', 'events') }}
        where
            occurred_at > {{ after }}
            and lead_id in (
                select lead_id from {{ people }}
                union all
                select identities.anonymous_id
                from {{ ref('stg_identities') }} as identities
                inner join {{ people }} as people
                    on identities.lead_id = people.lead_id
            )
            and event in (select event from {{ names }})

    )

    {{ visible_events('landed', as_of()) }}
{%- endmacro %}
