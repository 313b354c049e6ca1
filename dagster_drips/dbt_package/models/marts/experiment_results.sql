{#- Methods and their sources: docs/numbers.md, "Experiments". -#}
{%- set z = 1.959964 %}
{%- set z_power = 0.841621 %}
{#- How the always-valid test is mixed: narrowest at 5,000 leads, (-2 ln 0.05 + ln(1 - 2 ln 0.05)) / 5000. -#}
{%- set mixture = 0.0015871852 %}
{#- -2 ln 0.05 -#}
{%- set evidence = 5.991465 %}
{%- set comparison = ['experiment_id', 'arm'] %}
with

leads as (

    select
        exposures.experiment_id,
        exposures.experiment,
        exposures.sequence_id,
        exposures.step_id,
        exposures.variation_id as arm,
        exposures.version_id,
        exposures.has_goal and coalesce(exposures.goal_closes_at <= {{ as_of() }}, true) as is_matured,
        exposures.has_goal and exposures.goal_closes_at > {{ as_of() }} as is_maturing,
        case
            when enrollments.converted_at is null then 0
            -- what came before the message is not its doing
            when exposures.experiment = 'variants' and enrollments.converted_at <= exposures.first_exposed_at then 0
            else 1
        end as converted,
        enrollments.conversion_value as value,
        coalesce(enrollments.conversion_currency, '') as currency
    from {{ ref('experiment_exposures') }} as exposures
    inner join {{ ref('enrollments') }} as enrollments
        on exposures.enrollment_id = enrollments.enrollment_id

),

-- A version is a stratum: whoever was drawn under one was drawn alike, so a split that changes between two makes no effect.
strata as (

    select
        experiment_id,
        arm,
        version_id,
        cast(count(*) as {{ double_type() }}) as leads,
        cast(sum(converted) as {{ double_type() }}) as converted,
        cast(coalesce(sum(case when converted = 1 then value end), 0) as {{ double_type() }}) as revenue,
        coalesce(sum(case when converted = 1 then power(cast(value as {{ double_type() }}), 2) end), 0) as squared_revenue
    from leads
    where is_matured
    group by experiment_id, arm, version_id

),

-- Money of several currencies has no sum.
currencies as (

    select
        experiment_id,
        count(distinct currency) < 2 as is_one_currency,
        nullif(min(currency), '') as currency
    from leads
    where is_matured and converted = 1 and value is not null
    group by experiment_id

),

arms as (

    select
        counted.*,
        row_number() over (partition by experiment_id order by place, arm) as turn,
        count(*) over (partition by experiment_id) as arms,
        min(place) over (partition by experiment_id) as first_place
    from (
        select
            leads.experiment_id,
            min(leads.experiment) as experiment,
            min(leads.sequence_id) as sequence_id,
            min(leads.step_id) as step_id,
            leads.arm,
            min(
                case
                    when leads.experiment <> 'variants' and leads.arm = 'control' then 0
                    else coalesce(live_variants.position, 1000000)
                end
            ) as place,
            count(*) as enrolled,
            count(case when leads.is_matured then 1 end) as matured,
            count(case when leads.is_maturing then 1 end) as maturing,
            count(case when leads.is_matured and leads.converted = 1 then 1 end) as converted,
            coalesce(sum(case when leads.is_matured and leads.converted = 1 then leads.value end), 0) as revenue
        from leads
        left join {{ source('raw', 'step_variants') }} as live_variants
            on
                leads.sequence_id = live_variants.sequence_id
                and leads.step_id = live_variants.step_id
                and leads.arm in (live_variants.variant_id, 'variant:' || live_variants.variant_id)
        group by leads.experiment_id, leads.arm
    ) as counted

),

tables as (

    select
        arms.experiment_id,
        arms.arm,
        baselines.arm as baseline_arm,
        treated.leads as n1,
        others.leads as n0,
        treated.converted as x1,
        others.converted as x0,
        treated.revenue as revenue_1,
        others.revenue as revenue_0,
        treated.squared_revenue as squares_1,
        others.squared_revenue as squares_0,
        treated.converted + others.converted as m,
        treated.leads + others.leads as n,
        treated.leads * others.leads / (treated.leads + others.leads) as weight
    from arms
    inner join arms as baselines
        on
            arms.experiment_id = baselines.experiment_id
            and baselines.turn = 1
            and arms.turn > 1
    inner join strata as treated
        on
            arms.experiment_id = treated.experiment_id
            and arms.arm = treated.arm
    inner join strata as others
        on
            baselines.experiment_id = others.experiment_id
            and baselines.arm = others.arm
            and treated.version_id = others.version_id

),

-- Shares and means of both arms, weighted alike by stratum (Mantel and Haenszel), and how many leads these weights are worth (Kish).
weighted as (

    select
        experiment_id,
        arm,
        sum(n1) as compared,
        sum(weight) as weight,
        sum(weight * x1 / n1) / sum(weight) as rate_1,
        sum(weight * x0 / n0) / sum(weight) as rate_0,
        power(sum(weight), 2) / sum(weight * weight / n1) as size_1,
        power(sum(weight), 2) / sum(weight * weight / n0) as size_0,
        sum(weight * revenue_1 / n1) / sum(weight) as mean_1,
        sum(weight * revenue_0 / n0) / sum(weight) as mean_0,
        sum(weight * squares_1 / n1) / sum(weight) as mean_square_1,
        sum(weight * squares_0 / n0) / sum(weight) as mean_square_0,
        sum(x1 - n1 * m / n) as excess,
        sum(n1 * n0 * m * (n - m) / (n * n * (n - 1))) as null_variance,
        -- Mantel and Fleiss: how far the expected count is from the ends of what is possible
        least(
            sum(n1 * m / n) - sum(greatest(0, m - n0)),
            sum(least(n1, m)) - sum(n1 * m / n)
        ) as fewest_expected
    from tables
    group by experiment_id, arm

),

few_tables as (

    select tables.*
    from tables
    inner join weighted
        on
            tables.experiment_id = weighted.experiment_id
            and tables.arm = weighted.arm
            and weighted.fewest_expected < 5

),

exact_tests as (

    {{ mid_p_of('few_tables', comparison) }}

),

ratio_limits as (

    {{ ratio_limits_of('weighted', comparison, z) }}

),

measured as (

    select
        weighted.*,
        rate_1 - rate_0 as difference,
        rate_1 / nullif(rate_0, 0) as ratio,
        ratio_limits.ratio_low,
        ratio_limits.ratio_high,
        {{ wilson_limit('rate_1', 'size_1', -z) }} as low_1,
        {{ wilson_limit('rate_1', 'size_1', z) }} as high_1,
        {{ wilson_limit('rate_0', 'size_0', -z) }} as low_0,
        {{ wilson_limit('rate_0', 'size_0', z) }} as high_0,
        case when fewest_expected >= 5 then {{ two_sided_p('excess / sqrt(null_variance)') }} else exact_tests.mid_p end as p_value,
        case when fewest_expected >= 5 then 'cmh' when exact_tests.mid_p is not null then 'exact' end as p_method,
        -- how much wider the mixture's prior is than the estimate's error
        {{ 4 * mixture }} * weight as spread,
        excess * excess / nullif(null_variance, 0) as squared_z,
        sqrt(rate_1 * (1 - rate_1) / size_1 + rate_0 * (1 - rate_0) / size_0) as error,
        case when size_1 > 1 then greatest(0, mean_square_1 - mean_1 * mean_1) / (size_1 - 1) end as squared_error_1,
        case when size_0 > 1 then greatest(0, mean_square_0 - mean_0 * mean_0) / (size_0 - 1) end as squared_error_0
    from weighted
    left join exact_tests
        on
            weighted.experiment_id = exact_tests.experiment_id
            and weighted.arm = exact_tests.arm
    left join ratio_limits
        on
            weighted.experiment_id = ratio_limits.experiment_id
            and weighted.arm = ratio_limits.arm

),

tested as (

    select
        *,
        least(1.0, (count(p_value) over (partition by experiment_id) - row_number() over (
            partition by experiment_id order by p_value nulls last, arm
        ) + 1) * p_value) as p_of_its_rank,
        -- the chance that the test would ever say so, however often it is looked at
        case
            when fewest_expected >= 5
                then least(1.0, greatest(1e-300, sqrt(1 + spread) * exp(-squared_z / 2 * spread / (1 + spread))))
        end as always_valid_p,
        case
            when fewest_expected >= 5 then error * sqrt((1 + spread) / spread * ({{ evidence }} + ln(1 + spread)))
        end as always_valid_margin,
        nullif(sqrt(squared_error_1 + squared_error_0), 0) as revenue_error,
        power(squared_error_1 + squared_error_0, 2) / nullif(
            power(squared_error_1, 2) / (size_1 - 1) + power(squared_error_0, 2) / (size_0 - 1), 0
        ) as revenue_freedom
    from measured

),

-- Holm: a p is never below that of a smaller one.
compared as (

    select
        *,
        case when p_value is not null then max(p_of_its_rank) over (
            partition by experiment_id
            order by p_value nulls last, arm
            rows between unbounded preceding and current row
        ) end as p_value_holm,
        count(*) over (partition by experiment_id) as comparisons
    from tested

),

split_ratios as (

    {{ split_ratios_of(ref('experiment_exposures')) }}

),

results as (

    select
        arms.*,
        case when arms.turn > 1 then baselines.arm end as baseline_arm,
        coalesce(currencies.is_one_currency, true) as is_one_currency,
        currencies.currency,
        split_ratios.srm_p_value,
        cast(coalesce(compared.compared, 0) as bigint) as compared,
        compared.rate_1,
        compared.rate_0,
        compared.ratio,
        compared.ratio_low,
        compared.ratio_high,
        compared.difference,
        compared.difference
        - sqrt(power(compared.rate_1 - compared.low_1, 2) + power(compared.high_0 - compared.rate_0, 2)) as difference_low,
        compared.difference
        + sqrt(power(compared.high_1 - compared.rate_1, 2) + power(compared.rate_0 - compared.low_0, 2)) as difference_high,
        compared.p_value,
        compared.p_method,
        compared.p_value_holm,
        compared.comparisons,
        compared.always_valid_p,
        compared.difference - compared.always_valid_margin as always_valid_low,
        compared.difference + compared.always_valid_margin as always_valid_high,
        nullif(
            {{ z + z_power }} * sqrt(compared.rate_0 * (1 - compared.rate_0) * (1 / compared.size_1 + 1 / compared.size_0)), 0
        ) as detectable_difference,
        compared.mean_1 - compared.mean_0 as revenue_difference,
        {{ t_quantile(z, 'compared.revenue_freedom') }} * compared.revenue_error as revenue_margin,
        {{ two_sided_p(deviate_of_t('(compared.mean_1 - compared.mean_0) / compared.revenue_error', 'compared.revenue_freedom')) }}
            as revenue_p_value
    from arms
    left join arms as baselines
        on
            arms.experiment_id = baselines.experiment_id
            and baselines.turn = 1
    left join compared
        on
            arms.experiment_id = compared.experiment_id
            and arms.arm = compared.arm
    left join currencies
        on arms.experiment_id = currencies.experiment_id
    left join split_ratios
        on arms.experiment_id = split_ratios.experiment_id
    -- variants without a control are compared by themselves
    where
        arms.arms > 1
        and (arms.experiment <> 'variants_against_control' or arms.first_place = 0)

)

select
    experiment,
    sequence_id,
    step_id,
    arm,
    enrolled,
    converted,
    {{ rate('converted', 'matured') }} as conversion_rate,
    cast(case when is_one_currency then revenue end as decimal(38, 4)) as revenue,
    ratio - 1 as lift,
    case when compared > 0 and (rate_1 > 0 or rate_0 > 0) then coalesce(ratio_low, 0) - 1 end as lift_low,
    ratio_high - 1 as lift_high,
    p_value,
    baseline_arm,
    experiment_id,
    matured,
    maturing,
    compared,
    rate_1 as adjusted_rate,
    rate_0 as baseline_rate,
    difference,
    difference_low,
    difference_high,
    p_method,
    p_value_holm,
    always_valid_p,
    always_valid_low,
    always_valid_high,
    detectable_difference,
    difference * compared as incremental_conversions,
    difference_low * compared as incremental_conversions_low,
    difference_high * compared as incremental_conversions_high,
    case when is_one_currency then currency end as currency,
    case when is_one_currency then {{ rate('revenue', 'matured') }} end as revenue_per_lead,
    case when is_one_currency then revenue_difference end as revenue_difference,
    case when is_one_currency then revenue_difference - revenue_margin end as revenue_difference_low,
    case when is_one_currency then revenue_difference + revenue_margin end as revenue_difference_high,
    case when is_one_currency then revenue_p_value end as revenue_p_value,
    case when is_one_currency then revenue_difference * compared end as incremental_revenue,
    srm_p_value,
    case
        when srm_p_value < 0.001
            then 'The arms are not of the sizes that were drawn (sample-ratio mismatch, ' || {{ p_words('srm_p_value') }}
                || '): find out why before anything else is read from this.'
        when baseline_arm is null then 'What the other arms are compared with.'
        when compared = 0 and maturing > 0 then 'Too early: every goal is still open.'
        when compared = 0 then 'Nothing to compare: no goal, or nobody whose other arm was drawn at the same time.'
        when p_value is null then 'Nothing to see: nobody converted, or everybody did.'
        when p_value_holm <= 0.05
            then case when difference > 0 then 'More' else 'Fewer' end || ' conversions than ' || baseline_arm || ': '
                || {{ points_words('difference') }} || ' points (' || {{ points_words('difference_low') }} || ' to '
                || {{ points_words('difference_high') }} || '), ' || {{ p_words('p_value_holm') }}
                || case
                    when least(1.0, always_valid_p * comparisons) <= 0.05 then ', however often it was looked at.'
                    else ' if today was the day set for looking; not yet enough for looking every day.'
                end
        else 'Nothing to see yet: the difference to ' || baseline_arm || ' is between '
            || {{ points_words('difference_low') }} || ' and ' || {{ points_words('difference_high') }} || ' points, '
            || {{ p_words('p_value_holm') }}
            || coalesce('; a difference of ' || {{ points_words('detectable_difference') }} || ' points would mostly be seen', '')
            || '.'
    end as conclusion
from results
