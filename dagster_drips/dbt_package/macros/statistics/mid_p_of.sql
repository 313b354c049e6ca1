{#- The exact test of "no difference" within each stratum of each comparison, as two-sided mid-p: twice the smaller tail of the
    distribution of the first arm's conversions, given all margins, with half of the chance of what was seen (Lancaster, JASA 56,
    1961; strata by convolution as in Mehta, Patel and Gray, JASA 80, 1985). One row a comparison.
    `tables`: one row per comparison and stratum, with `key` (columns that name the comparison), leads `n1`, `n0` and conversions
    `x1`, `x0` of its two arms. -#}
{% macro mid_p_of(tables, key) -%}
    {%- set columns = key | join(', ') -%}
    with recursive

    -- Where all converted or none, nothing can be told.
    informative as (

        select
            {{ columns }},
            n1,
            n0,
            x1 + x0 as converted,
            x1,
            row_number() over (partition by {{ columns }} order by n1, n0, x1, x0) as stratum
        from {{ tables }}
        where x1 + x0 > 0 and x1 + x0 < n1 + n0

    ),

    possible as (

        select
            *,
            {{ whole_numbers('greatest(0, converted - n0)', 'least(n1, converted)') }} as count_1
        from informative

    ),

    -- Hypergeometric.
    chances as (

        select
            {{ columns }},
            stratum,
            count_1,
            exp(greatest(-690.0,
                {{ log_factorial('n1') }} - {{ log_factorial('count_1') }} - {{ log_factorial('n1 - count_1') }}
                + {{ log_factorial('n0') }} - {{ log_factorial('converted - count_1') }}
                - {{ log_factorial('n0 - converted + count_1') }}
                - {{ log_factorial('n1 + n0') }} + {{ log_factorial('converted') }}
                + {{ log_factorial('n1 + n0 - converted') }}
            )) as chance
        from possible

    ),

    -- The distribution of the sum over the first strata, one more each time.
    {{ sums_of_strata('chances', key) }},

    seen as (

        select
            {{ columns }},
            sum(x1) as x1,
            max(stratum) as strata
        from informative
        group by {{ columns }}

    )

    select
        {% for column in key %}seen.{{ column }}, {% endfor %}
        least(
            1.0,
            2 * least(
                sum(case when sums.count_1 < seen.x1 then chance when sums.count_1 = seen.x1 then chance / 2 else 0 end),
                sum(case when sums.count_1 > seen.x1 then chance when sums.count_1 = seen.x1 then chance / 2 else 0 end)
            )
        ) as mid_p
    from seen
    inner join sums
        on
            seen.strata = sums.stratum
            {% for column in key %}and seen.{{ column }} = sums.{{ column }} {% endfor %}
    group by {% for column in key %}seen.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#- The distributions of the sum over the first strata, the first one, two, and so on, as common table expressions of which the last is `sums`. -#}
{% macro sums_of_strata(chances, key) -%}
    {{ return(adapter.dispatch('sums_of_strata', 'drips')(chances, key)) }}
{%- endmacro %}

{% macro default__sums_of_strata(chances, key) -%}
    {%- set columns = key | join(', ') -%}
    sums as (

        select
            {{ columns }},
            cast(1 as bigint) as stratum,
            count_1,
            chance
        from chances
        where stratum = 1

        union all

        select
            {% for column in key %}sums.{{ column }}, {% endfor %}
            sums.stratum + 1,
            sums.count_1 + chances.count_1,
            sum(sums.chance * chances.chance)
        from sums
        inner join chances
            on
                sums.stratum + 1 = chances.stratum
                {% for column in key %}and sums.{{ column }} = chances.{{ column }} {% endfor %}
        group by
            {% for column in key %}sums.{{ column }}, {% endfor %}
            sums.stratum + 1,
            sums.count_1 + chances.count_1

    )
{%- endmacro %}

{#- A distribution is an array there: nothing is counted where a query asks itself again. A product that no number is small enough for is 0. -#}
{% macro postgres__sums_of_strata(chances, key) -%}
    {%- set columns = key | join(', ') -%}
    distributions as (

        select
            {{ columns }},
            stratum,
            min(count_1) as lowest,
            array_agg(chance order by count_1) as distribution
        from {{ chances }}
        group by {{ columns }}, stratum

    ),

    convolved as (

        select
            {{ columns }},
            stratum,
            lowest,
            distribution
        from distributions
        where stratum = 1

        union all

        select
            {% for column in key %}convolved.{{ column }}, {% endfor %}
            added.stratum,
            convolved.lowest + added.lowest,
            (
                select array_agg(chance order by place)
                from (
                    select
                        earlier.place + later.place as place,
                        sum(
                            case
                                when later.chance = 0 then 0
                                when earlier.chance < 1e-307 / later.chance then 0
                                else earlier.chance * later.chance
                            end
                        ) as chance
                    from unnest(convolved.distribution) with ordinality as earlier (chance, place)
                    cross join unnest(added.distribution) with ordinality as later (chance, place)
                    group by earlier.place + later.place
                ) as products
            )
        from convolved
        inner join distributions as added
            on
                convolved.stratum + 1 = added.stratum
                {% for column in key %}and convolved.{{ column }} = added.{{ column }} {% endfor %}

    ),

    sums as (

        select
            {{ columns }},
            stratum,
            lowest + place - 1 as count_1,
            chance
        from convolved
        cross join lateral unnest(distribution) with ordinality as chances (chance, place)

    )
{%- endmacro %}

{#- Arrays there, too, and of the last stratum alone: one after the other is multiplied out by a function of arrays, as no query that asks
    itself again may count. -#}
{% macro spark__sums_of_strata(chances, key) -%}
    {%- set columns = key | join(', ') -%}
    distributions as (

        select
            {{ columns }},
            stratum,
            min(count_1) as lowest,
            transform(sort_array(collect_list(struct(count_1, chance))), counted -> counted.chance) as distribution
        from {{ chances }}
        group by {{ columns }}, stratum

    ),

    convolved as (

        select
            {{ columns }},
            max(stratum) as stratum,
            sum(lowest) as lowest,
            aggregate(
                collect_list(distribution),
                array(cast(1 as double)),
                (earlier, added) -> transform(
                    sequence(0, size(earlier) + size(added) - 2),
                    place -> aggregate(
                        sequence(greatest(0, place - size(added) + 1), least(place, size(earlier) - 1)),
                        cast(0 as double),
                        (chance, nth) -> chance + earlier[nth] * added[place - nth]
                    )
                )
            ) as distribution
        from distributions
        group by {{ columns }}

    ),

    sums as (

        select
            {{ columns }},
            stratum,
            lowest + place as count_1,
            chance
        from convolved
        lateral view posexplode(distribution) chances as place, chance

    )
{%- endmacro %}
