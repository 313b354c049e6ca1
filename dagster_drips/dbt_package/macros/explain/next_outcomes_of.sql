{#- What happens next to each of these rows if nothing changes, and from when on: `next_outcome` and `next_at`, which lies at the tick where it is the
    next one whenever that is. NULL where nobody knows: it is for somebody to act. -#}
{% macro next_outcomes_of(rows) -%}
    select
        *,
        case
            when next_outcome = 'opens' then opens_at
            when next_outcome = 'exited' then as_of
            when next_outcome = 'expired' then greatest(as_of, expires_at)
            when next_outcome is not null then may_go_at
        end as next_at
    from (
        select
            *,
            case
                when state = 'not_judged' and reason = 'not_open' then 'opens'
                when state not in ('waiting', 'due') then null
                when reason in ('suppressed', 'exited') then 'exited'
                when reason in ('paused', 'in_doubt', 'gate') then null
                when expires_at <= coalesce(may_go_at, expires_at) then 'expired'
                when may_go_at is null or not has_address then null
                when failing is not null then 'condition'
                when not is_step_let_in then 'rollout'
                when reason in ('throttle', 'warmup') then 'limit'
                else 'sent'
            end as next_outcome
        from (
            select
                *,
                {{ first_opening_of('passing', 'passing.from_at', source('raw', 'clock_changes').include(database=false)) }} as may_go_at
            from (
                select
                    *,
                    -- Reasons that go by themselves. Those of limits count the lead's own messages; who else waits is not foreseen.
                    case
                        when
                            state in ('waiting', 'due')
                            and coalesce(reason, 'not_yet')
                            in ('not_yet', 'window_closed', 'frequency_cap', 'throttle', 'warmup', 'retry')
                            then greatest(
                                as_of,
                                scheduled_at,
                                retry_at,
                                free_at,
                                case when reason = 'warmup' then {{ add_seconds('cast(cast(as_of as date) as timestamp)', 86400) }} end
                            )
                    end as from_at
                from {{ rows }}
            ) as passing
        ) as timed
    ) as coming
{%- endmacro %}
