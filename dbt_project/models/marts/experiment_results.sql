{%- set deviate = 1.959964 %}
with

enrollments as (

    select * from {{ ref('enrollments') }}

),

-- Treatment against the holdout, by intention to treat: everyone who was enrolled counts, sent something or not.
holdouts as (

    select
        'holdout' as experiment,
        sequence_id,
        cast(null as varchar) as step_id,
        arm,
        case arm when 'control' then 0 else 1 end as place,
        count(*) as enrolled,
        count(converted_at) as converted,
        coalesce(sum(conversion_value), 0) as revenue
    from enrollments
    group by sequence_id, arm

),

-- Variants against the first of them in the file, from the sending on.
variants as (

    select
        'variants' as experiment,
        messages.sequence_id,
        messages.step_id,
        messages.variant_id as arm,
        coalesce(min(live_variants.position), 1000000) as place,
        count(*) as enrolled,
        count(case when enrollments.converted_at > messages.sent_as_of then 1 end) as converted,
        coalesce(
            sum(case when enrollments.converted_at > messages.sent_as_of then enrollments.conversion_value end), 0
        ) as revenue
    from {{ ref('messages') }} as messages
    inner join enrollments
        on messages.enrollment_id = enrollments.enrollment_id
    left join {{ source('raw', 'step_variants') }} as live_variants
        on
            messages.sequence_id = live_variants.sequence_id
            and messages.step_id = live_variants.step_id
            and messages.variant_id = live_variants.variant_id
    where
        messages.status = 'sent'
        and messages.variant_id is not null
    group by messages.sequence_id, messages.step_id, messages.variant_id

),

arms as (

    select
        *,
        cast(converted as double) / enrolled as conversion_rate,
        row_number() over (partition by experiment, sequence_id, step_id order by place, arm) as turn,
        count(*) over (partition by experiment, sequence_id, step_id) as arms
    from (
        select * from holdouts
        union all
        select * from variants
    ) as measured

),

compared as (

    select
        arms.*,
        baselines.arm as baseline_arm,
        baselines.conversion_rate as baseline_rate,
        arms.conversion_rate / nullif(baselines.conversion_rate, 0) as ratio,
        -- standard error of the logarithm of a ratio of two shares (Katz et al., 1978); none while an arm has no conversion
        case
            when arms.converted > 0 and baselines.converted > 0
                then sqrt(
                    (1 - arms.conversion_rate) / arms.converted
                    + (1 - baselines.conversion_rate) / baselines.converted
                )
        end as log_ratio_error,
        -- two-proportion z-test with the pooled share
        (arms.conversion_rate - baselines.conversion_rate)
        / nullif(
            sqrt(
                (cast(arms.converted + baselines.converted as double) / (arms.enrolled + baselines.enrolled))
                * (1 - cast(arms.converted + baselines.converted as double) / (arms.enrolled + baselines.enrolled))
                * (cast(1 as double) / arms.enrolled + cast(1 as double) / baselines.enrolled)
            ),
            0
        ) as z
    from arms
    left join arms as baselines
        on
            arms.experiment = baselines.experiment
            and arms.sequence_id = baselines.sequence_id
            and arms.step_id is not distinct from baselines.step_id
            and baselines.turn = 1
            and arms.turn > 1
    where arms.arms > 1

)

select
    experiment,
    sequence_id,
    step_id,
    arm,
    enrolled,
    converted,
    conversion_rate,
    revenue,
    ratio - 1 as lift,
    ratio * exp(-{{ deviate }} * log_ratio_error) - 1 as lift_low,
    ratio * exp({{ deviate }} * log_ratio_error) - 1 as lift_high,
    -- no more digits than the approximation has
    round({{ two_sided_p('z') }}, 6) as p_value,
    baseline_arm
from compared
