{{ config(tags=['ci']) }}

-- Ages, days and leads are only other ways of taking a sequence's messages and enrollments apart.
{%- set counts = {
    'sent': 'sent', 'opened': 'opened', 'clicked': 'clicked', 'unsubscribed': 'unsubscribed', 'enrolled': 'enrolled_total'
} %}
with

parts as (

    select
        sequence_id,
        'cohorts' as part
        {%- for name in counts %},
        sum({{ name }}) as {{ name }}
        {%- endfor %}
    from {{ ref('sequence_cohorts') }}
    group by sequence_id

    union all

    select
        sequence_id,
        'leads' as part
        {%- for name in counts %},
        sum({{ 'enrollments' if name == 'enrolled' else name }}) as {{ name }}
        {%- endfor %}
    from {{ ref('lead_sequences') }}
    group by sequence_id

)

select
    parts.sequence_id,
    parts.part
from parts
inner join {{ ref('sequence_performance') }} as sequences
    on parts.sequence_id = sequences.sequence_id
where
    {%- for name, of_sequence in counts.items() %}
    parts.{{ name }} <> sequences.{{ of_sequence }}{{ ' or' if not loop.last }}
    {%- endfor %}
