-- Limits are those of the files that the day's last tick saw. Days without a tick have no row: nothing was decided then.
with

days as (

    select
        cast(as_of as date) as day,
        max(as_of) as last_as_of,
        count(distinct as_of) as ticks
    from {{ source('journal', 'ticks') }}
    group by cast(as_of as date)

),

versions as (

    {{ version_spells_of(source('journal', 'sequence_versions')) }}

),

daily_versions as (

    select
        days.day,
        versions.sequence_id,
        versions.status,
        versions.nth,
        versions.definition
    from days
    inner join versions
        on
            days.last_as_of >= versions.seen_at
            and (versions.until is null or days.last_as_of < versions.until)

),

sender_files as (

    select * from versions
    where status = 'senders'

),

identities as (

    {{ senders_of_versions('sender_files') }}

),

daily_identities as (

    select
        daily_versions.day,
        identities.*
    from daily_versions
    inner join identities
        on daily_versions.nth = identities.nth
    where daily_versions.status = 'senders'

),

daily_limits as (

    select
        sequences.day,
        sequences.sender_address,
        min({{ throttle_of('sequences.max_per_tick', 'daily_identities.max_per_tick', 'projects.max_per_tick') }}) as max_per_tick
    from (
        select
            day,
            {{ address(definition_text('definition', 'sender.email')) }} as sender_address,
            cast({{ definition_text('definition', 'sender.max_per_tick') }} as integer) as max_per_tick
        from daily_versions
        where status = 'active'
    ) as sequences
    left join daily_identities
        on
            sequences.day = daily_identities.day
            and sequences.sender_address = daily_identities.sender_address
    left join (
        select
            day,
            cast({{ definition_text('definition', 'max_per_tick') }} as integer) as max_per_tick
        from daily_versions
        where status = 'settings'
    ) as projects
        on sequences.day = projects.day
    group by sequences.day, sequences.sender_address

),

sends as (

    select
        sender,
        cast(scheduled_at as date) as scheduled_on,
        cast(sent_as_of as date) as sent_on,
        count(case when status = 'sent' then 1 end) as sent,
        count(case when status = 'in_doubt' then 1 end) as in_doubt
    from {{ ref('messages') }}
    where status in ('sent', 'in_doubt')
    group by sender, cast(scheduled_at as date), cast(sent_as_of as date)

),

-- What waits now, for its sender or for another reason, though its time has come.
waiting as (

    select
        sequences.sender_email as sender,
        cast(decisions.scheduled_at as date) as scheduled_on,
        count(*) as waiting,
        count(case when decisions.reason = 'warmup' then 1 end) as for_warmup,
        count(case when decisions.reason = 'throttle' then 1 end) as for_throttle
    from {{ ref('step_decisions') }} as decisions
    inner join {{ ref('live_sequences') }} as sequences
        on decisions.sequence_id = sequences.sequence_id
    where
        decisions.state in ('waiting', 'due')
        and decisions.scheduled_at <= {{ as_of() }}
        -- What this tick's own sends have made the next one waits for the next tick (M3), and for nothing else.
        and decisions.reason is distinct from 'not_yet'
    group by sequences.sender_email, cast(decisions.scheduled_at as date)

),

-- Addresses are compared after the counting: senders are few, messages are many.
changes as (

    select
        {{ address('sender') }} as sender_address,
        sent_on as day,
        sent,
        in_doubt,
        case when scheduled_on < sent_on then -(sent + in_doubt) else 0 end as waited,
        0 as for_warmup,
        0 as for_throttle,
        false as is_row
    from sends

    union all

    select
        {{ address('sender') }} as sender_address,
        scheduled_on as day,
        0,
        0,
        sent + in_doubt as waited,
        0,
        0,
        false as is_row
    from sends
    where scheduled_on < sent_on

    union all

    select
        {{ address('sender') }} as sender_address,
        scheduled_on as day,
        0,
        0,
        waiting as waited,
        for_warmup,
        for_throttle,
        false as is_row
    from waiting

),

senders as (

    select
        sender_address,
        min(day) as first_day
    from (
        select sender_address, day from changes
        union all
        select sender_address, day from daily_identities
    ) as known
    group by sender_address

),

daily as (

    select
        sender_address,
        day,
        cast(sum(sent) as bigint) as sent,
        cast(sum(in_doubt) as bigint) as in_doubt,
        sum(sum(waited)) over (
            partition by sender_address order by day rows between unbounded preceding and current row
        ) as waited,
        sum(sum(for_warmup)) over (partition by sender_address) as for_warmup,
        sum(sum(for_throttle)) over (partition by sender_address) as for_throttle,
        min(case when sum(sent + in_doubt) > 0 then day end) over (partition by sender_address) as first_sent_on,
        bool_or(is_row) as is_row
    from (
        select * from changes
        union all
        select
            senders.sender_address,
            days.day,
            0,
            0,
            0,
            0,
            0,
            true as is_row
        from senders
        inner join days
            on senders.first_day <= days.day
    ) as gathered
    group by sender_address, day

),

limited as (

    select
        daily.*,
        days.ticks,
        days.last_as_of,
        cast({{ warmup_allowance(
            'daily_identities.warmup_start',
            'daily_identities.warmup_growth',
            'case when daily.first_sent_on <= daily.day then ' ~ days_between('daily.first_sent_on', 'daily.day') ~ ' end'
        ) }} as bigint) as warmup_allowance,
        daily_limits.max_per_tick
    from daily
    inner join days
        on daily.day = days.day
    left join daily_identities
        on
            daily.day = daily_identities.day
            and daily.sender_address = daily_identities.sender_address
    left join daily_limits
        on
            daily.day = daily_limits.day
            and daily.sender_address = daily_limits.sender_address
    where daily.is_row

)

select
    sender_address as sender,
    day,
    ticks,
    warmup_allowance,
    cast(max_per_tick as bigint) as max_per_tick,
    -- Of two limits the smaller; none where there is neither.
    least(
        coalesce(warmup_allowance, max_per_tick * ticks),
        coalesce(max_per_tick * ticks, warmup_allowance)
    ) as allowance,
    sent,
    in_doubt,
    cast(waited as bigint) as waited,
    cast(case when limited.last_as_of = latest.as_of then for_warmup end as bigint) as waiting_for_warmup,
    cast(case when limited.last_as_of = latest.as_of then for_throttle end as bigint) as waiting_for_throttle
from limited
-- No `over ()`: DuckDB 1.5 fails at one of some hundred such windows over a few rows, by a fault of its own.
cross join (select max(last_as_of) as as_of from days) as latest
