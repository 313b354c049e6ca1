{#- Whether as many leads were drawn for each arm as should have been (sample-ratio mismatch): the p of Pearson's chi-square, summed over
    splits. One row an experiment; NULL where fewer than five leads are expected in an arm of every split.
    `exposures`: a relation like `experiment_exposures`. -#}
{% macro split_ratios_of(exposures) -%}
    with

    seen as (

        select
            experiment_id,
            split,
            variation_id,
            min(propensity) as share,
            count(*) as leads
        from {{ exposures }}
        group by experiment_id, split, variation_id

    ),

    totals as (

        select
            experiment_id,
            split,
            sum(leads) as leads,
            sum(share) as share
        from seen
        group by experiment_id, split

    ),

    -- Arms that nobody was drawn for are one more.
    cells as (

        select
            seen.experiment_id,
            seen.split,
            seen.leads,
            totals.leads * seen.share as expected
        from seen
        inner join totals
            on
                seen.experiment_id = totals.experiment_id
                and seen.split = totals.split
        union all
        select
            experiment_id,
            split,
            0,
            leads * (1 - share)
        from totals
        where share < 1 - 1e-9

    ),

    splits as (

        select
            experiment_id,
            split,
            -- one drawn for an arm that should have had none is no chance at all
            sum(power(leads - expected, 2) / greatest(expected, 1e-9)) as chi_square,
            count(*) - 1 as freedom
        from cells
        group by experiment_id, split
        having count(*) > 1 and (min(expected) >= 5 or min(expected) = 0)

    ),

    experiments as (

        select
            experiment_id,
            greatest(sum(chi_square), 1e-300) as chi_square,
            cast(sum(freedom) as bigint) as freedom
        from splits
        group by experiment_id

    ),

    -- The tail of chi-square in closed form: terms of a sum, one for every two degrees of freedom (Abramowitz and Stegun, 26.4.4-5).
    terms as (

        select
            experiment_id,
            chi_square,
            freedom,
            nth + (freedom % 2) / 2.0 as term
        from (
            select
                *,
                {{ whole_numbers('0', 'greatest(floor(freedom / 2.0) - 1, 0)') }} as nth
            from experiments
        ) as numbered

    )

    select
        experiment_id,
        least(
            1.0,
            greatest(
                1e-300,
                min(case when freedom % 2 = 1 then {{ two_sided_p('sqrt(chi_square)') }} else 0 end)
                + sum(
                    case
                        when freedom > 1
                            then exp(greatest(-700, term * ln(chi_square / 2) - chi_square / 2 - {{ log_factorial('term') }}))
                        else 0
                    end
                )
            )
        ) as srm_p_value
    from terms
    group by experiment_id
{%- endmacro %}
