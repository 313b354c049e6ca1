-- The page Experiments: arms as `marts.experiment_results` compares them.

-- name: kinds
select
    experiment,
    count(distinct experiment_id) as experiments
from marts.experiment_results
group by experiment
order by experiment

-- name: results
select
    experiment_id,
    coalesce(sequence_id, 'project') || coalesce(' · ' || step_id, '') as tested,
    arm,
    baseline_arm,
    enrolled,
    matured,
    maturing,
    converted,
    conversion_rate,
    difference,
    difference_low,
    difference_high,
    lift,
    p_value_holm,
    always_valid_p,
    detectable_difference,
    incremental_conversions,
    incremental_revenue,
    currency,
    srm_p_value,
    conclusion
from marts.experiment_results
where experiment = $experiment
order by tested, baseline_arm is not null, arm
