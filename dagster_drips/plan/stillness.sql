-- Whether an instant is one at which nothing can happen, after a tick that did nothing.

-- name: segments_moved
-- Whoever entered or left a segment at the tick that has begun.
select exists (select 1 from decide.new_segment_changes)

-- name: has_leads
-- Of others no segment has members.
select exists (
    select 1
    from raw.leads
    cross join raw.tick as tick
    where leads.created_at <= tick.as_of
)

-- name: may_happen
-- All that tells the tick that has begun from the last finished one, but for what segments say. The tables are as that one left
-- them, and it did nothing; what nobody waits for (limits, windows, retries, content) can't come into it.
with

spell as (

    select
        previous_as_of as since,
        as_of as until
    from raw.tick

),

-- What comes of age (T2, L3).
instants as (

    select occurred_at as instant from raw.events
    union all
    select received_at from raw.events
    union all
    select created_at from raw.leads
    union all
    select updated_at from raw.leads
    union all
    select occurred_at from raw.suppressions
    union all
    select occurred_at from raw.engagement
    union all
    -- a sequence opens (E2)
    select opens_at from decide.live_sequences

)

select
    exists (
        select 1
        from instants
        where instant > (select since from spell) and instant <= (select until from spell)
    )
    -- a step is due, expires, or waits (M4, M7)
    or exists (
        select 1
        from kept.current_enrollments as enrollments
        inner join decide.live_sequences as sequences
            on enrollments.sequence_id = sequences.sequence_id and sequences.is_running
        where enrollments.is_open and enrollments.matters_at <= (select until from spell)
    )
    -- an enrollment ends by the clock (E8)
    or exists (select 1 from after_sending.new_enrollment_completions)
    -- a segment that keeps its result for a while is asked again (E10)
    or exists (select 1 from decide.segment_refreshes where is_due)
    -- gates look at the clock (G1)
    or exists (select 1 from raw.sequence_gate_limits)
    or exists (select 1 from decide.sequence_gates)
