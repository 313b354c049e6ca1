-- A row where something happened: what a cohort came to by an age is the sum of its rows up to there.
with

cohorts as (

    select
        enrollment_id,
        sequence_id,
        arm,
        cast(enrolled_at as date) as enrolled_on,
        enrolled_at,
        status,
        closed_at,
        converted_at,
        has_goal
    from {{ ref('enrollments') }}

),

-- What a message came to, each of these at its own age.
messages as (

    select
        cohorts.sequence_id,
        cohorts.arm,
        cohorts.enrolled_on,
        cohorts.enrolled_at,
        messages.sent_as_of,
        case when messages.is_delivered and messages.human_opens > 0 then messages.first_opened_at end as opened_at,
        case when messages.is_delivered and messages.human_clicks > 0 then messages.first_clicked_at end as clicked_at,
        case when messages.is_delivered then messages.unsubscribed_at end as unsubscribed_at
    from {{ ref('messages') }} as messages
    inner join cohorts
        on messages.enrollment_id = cohorts.enrollment_id
    where messages.status = 'sent'

),

{%- set counted = {
    'enrolled': ('cohorts', 'enrolled_at', 'true'),
    'convertible': ('cohorts', 'enrolled_at', 'has_goal'),
    'sent': ('messages', 'sent_as_of', 'true'),
    'opened': ('messages', 'opened_at', 'opened_at is not null'),
    'clicked': ('messages', 'clicked_at', 'clicked_at is not null'),
    'unsubscribed': ('messages', 'unsubscribed_at', 'unsubscribed_at is not null'),
    'converted': ('cohorts', 'converted_at', 'converted_at is not null'),
    'completed': ('cohorts', 'closed_at', "status = 'completed'"),
    'exited': ('cohorts', 'closed_at', "status = 'exited'"),
} %}

counts as (

    {%- for name, (relation, instant, condition) in counted.items() %}

    select
        sequence_id,
        arm,
        enrolled_on,
        {{ age_in_days('enrolled_at', instant) }} as age,
        '{{ name }}' as what,
        count(*) as number
    from {{ relation }}
    where {{ condition }}
    group by 1, 2, 3, 4

    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select
    sequence_id,
    arm,
    enrolled_on,
    age
    {%- for name in counted %},
    cast(coalesce(sum(case when what = '{{ name }}' then number end), 0) as bigint) as {{ name if name not in ('converted', 'convertible') else name ~ '_enrollments' }}
    {%- endfor %}
from counts
group by sequence_id, arm, enrolled_on, age
