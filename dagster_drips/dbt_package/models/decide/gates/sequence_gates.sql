-- What gates found (G1): in the data, and in how many this tick would enroll.
with

crowds as (

    select
        judged.sequence_id,
        count(*) as enrollments,
        limits.stop_above,
        bool_and(judged.is_held) as is_holding
    from {{ ref('judged_occurrences') }} as judged
    inner join {{ source('raw', 'sequence_gate_limits') }} as limits
        on judged.sequence_id = limits.sequence_id and limits.gate = 'max_new_enrollments'
    where
        judged.is_over_limit
        and judged.decision = 'enrolled'
    group by judged.sequence_id, limits.stop_above

),

waivers as (

    {{ current_waivers() }}

)

select
    sequence_id,
    gate,
    kind,
    level,
    reason,
    is_holding,
    waived_until,
    waived_by,
    waived_because
from {{ ref('data_gates') }}

union all

select
    crowds.sequence_id,
    'max_new_enrollments' as gate,
    'max_new_enrollments' as kind,
    'stop' as level,
    crowds.enrollments || ' would enter at this tick, more than ' || cast(crowds.stop_above as bigint) as reason,
    crowds.is_holding,
    waivers.until as waived_until,
    waivers.given_by as waived_by,
    waivers.why as waived_because
from crowds
left join waivers
    on crowds.sequence_id = waivers.sequence_id and waivers.gate = 'max_new_enrollments'
