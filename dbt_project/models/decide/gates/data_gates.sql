-- What holds sequences at this tick, or would but for a waiver (G1).
with

named_segments as (

    {{ named_segments() }}

),

-- Of each sequence that reads what the test is about.
failed_tests as (

    select
        named_segments.sequence_id,
        failed.test,
        failed.reason
    from {{ source('raw', 'failed_tests') }} as failed
    inner join named_segments
        on failed.segment = named_segments.segment

    union

    select
        sequences.sequence_id,
        failed.test,
        failed.reason
    from {{ source('raw', 'failed_tests') }} as failed
    cross join {{ source('raw', 'sequences') }} as sequences
    where failed.segment is null

),

gates as (

    select
        sequence_id,
        test as gate,
        'test' as kind,
        'stop' as level,
        min(reason) as reason
    from failed_tests
    group by sequence_id, test

),

-- Of several waivers the one given last.
waivers as (

    select
        *,
        row_number() over (partition by gate, sequence_id order by number desc) as recency
    from {{ source('raw', 'gate_waivers') }}
    where counts_from is null or counts_from <= {{ as_of() }}

)

select
    gates.sequence_id,
    gates.gate,
    gates.kind,
    gates.level,
    gates.reason,
    gates.level = 'stop' and waivers.gate is null as is_holding,
    waivers.until as waived_until,
    waivers.given_by as waived_by,
    waivers.why as waived_because
from gates
inner join {{ source('raw', 'sequences') }} as sequences
    on gates.sequence_id = sequences.sequence_id and sequences.status <> 'archived'
left join waivers
    on
        gates.gate = waivers.gate
        and gates.sequence_id = waivers.sequence_id
        and waivers.recency = 1
        and waivers.until > {{ as_of() }}
