{#- Both limits of the score interval of a ratio of two shares (Miettinen and Nurminen, Statistics in Medicine 4, 1985): the ratios at
    which the score statistic is `z` away, found by bisection of the logarithm. One row a comparison; a lower limit is 0 where the
    first arm has no conversion, an upper one NULL (no limit) where the second has none.
    `comparisons`: one row each, with `key` (columns that name it), `size_1`, `size_0` (leads) and `rate_1`, `rate_0`. -#}
{% macro ratio_limits_of(comparisons, key, z) -%}
    with recursive

    bisection as (

        select
            {{ key | join(', ') }},
            side,
            size_1,
            size_0,
            rate_1,
            rate_0,
            0 as step,
            -- not symmetric, so that it never asks at a ratio of exactly 1, where two full arms have no variance
            cast(-20 as {{ double_type() }}) as low,
            cast(21 as {{ double_type() }}) as high
        from {{ comparisons }}
        cross join (select 1 as side union all select -1) as sides
        where (rate_1 > 0 and side = 1) or (rate_0 > 0 and side = -1)

        union all

        select
            {{ key | join(', ') }},
            side,
            size_1,
            size_0,
            rate_1,
            rate_0,
            step + 1,
            case when score > side * {{ z }} then middle else low end,
            case when score > side * {{ z }} then high else middle end
        from (
            select
                *,
                -- falls as the ratio grows
                (rate_1 - ratio * rate_0) / sqrt(
                    (
                        ratio * share * (1 - ratio * share) / size_1
                        + ratio * ratio * share * (1 - share) / size_0
                    ) * (size_1 + size_0) / (size_1 + size_0 - 1)
                ) as score
            from (
                select
                    *,
                    -- the second arm's share that is likeliest if the ratio is this one; the root that loses no digits
                    least(
                        2 * events / (b + sqrt(greatest(0, b * b - 4 * (size_1 + size_0) * ratio * events))),
                        (1 - 1e-15) / greatest(ratio, 1)
                    ) as share
                from (
                    select
                        *,
                        exp((low + high) / 2) as ratio,
                        (low + high) / 2 as middle,
                        size_1 * rate_1 + size_0 * rate_0 as events,
                        size_1 * exp((low + high) / 2) + size_1 * rate_1
                        + size_0 + size_0 * rate_0 * exp((low + high) / 2) as b
                    from bisection
                    where step < 50
                ) as asked
            ) as shared
        ) as scored

    )

    select
        {{ key | join(', ') }},
        max(case when side = 1 then exp(low) end) as ratio_low,
        max(case when side = -1 then exp(high) end) as ratio_high
    from bisection
    where step = 50
    group by {{ key | join(', ') }}
{%- endmacro %}
