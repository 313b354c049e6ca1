with

holdout_spells as (

    {{ holdout_spells() }}

),

variant_shares as (

    {{ variant_shares() }}

),

shares as (

    select
        *,
        sum(weight) over (partition by sequence_id, version_id, step_id) as total_weight,
        sum(weight) over (
            partition by sequence_id, version_id, step_id
            order by position
            rows between unbounded preceding and current row
        ) as cumulative_weight,
        coalesce(
            sum(weight) over (
                partition by sequence_id, version_id, step_id
                order by position
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as weight_before
    from variant_shares

),

splits as (

    select
        sequence_id,
        version_id,
        step_id,
        count(*) as variants,
        {{ joined_texts("variant_id || '=' || " ~ number_text('share'), "', '", 'position') }} as split
    from shares
    group by sequence_id, version_id, step_id

),

draws as (

    {{ draws_of(ref('enrollments'), 'holdout_spells') }}

),

enrolled as (

    select
        enrollments.enrollment_id,
        enrollments.sequence_id,
        enrollments.lead_id,
        enrollments.triggered_at,
        enrollments.enrolled_at,
        enrollments.occurrence_id,
        enrollments.arm,
        draws.version_id,
        draws.holdout,
        draws.project_version_id,
        draws.project_holdout,
        enrollments.has_goal,
        {{ add_seconds('enrollments.triggered_at', 'goals.goal_within_seconds') }} as goal_closes_at
    from {{ ref('enrollments') }} as enrollments
    inner join draws
        on enrollments.enrollment_id = draws.enrollment_id
    -- the goal by which it is measured (L2)
    left join {{ ref('goal_spells') }} as goals
        on
            enrollments.sequence_id = goals.sequence_id
            and enrollments.enrolled_at >= goals.seen_at
            and (goals.until is null or enrollments.enrolled_at < goals.until)

),

-- Whom the project holds back was not drawn for the sequence's own holdout.
with_held_back as (

    select
        *,
        {{ project_bucket('lead_id') }} < project_holdout as is_held_back
    from enrolled

),

-- Likewise over all sequences: a lead counts with the first enrollment while the project held anybody back.
drawn_for_project as (

    select *
    from (
        select
            *,
            row_number() over (
                partition by lead_id
                order by enrolled_at, triggered_at, sequence_id, occurrence_id
            ) as nth
        from with_held_back
        where project_holdout > 0 and project_holdout < 1
    ) as draws
    where nth = 1

),

-- A lead counts once, with the first enrollment whose arm was drawn: a re-entry is the same person's luck again, and who came
-- while there was no holdout was not compared with anybody.
drawn as (

    select
        *,
        case when arm = 'control' then holdout else 1 - holdout end as arm_share
    from (
        select
            *,
            row_number() over (
                partition by sequence_id, lead_id
                order by enrolled_at, triggered_at, occurrence_id
            ) as nth
        from with_held_back
        where holdout > 0 and holdout < 1 and not is_held_back
    ) as draws
    where nth = 1

),

-- The first message of the step that was tried for a lead, whether a server took it or not: a variant may be why it was refused.
tried as (

    select
        messages.sequence_id,
        messages.step_id,
        messages.lead_id,
        messages.variant_id,
        messages.sent_as_of,
        messages.enrollment_id,
        spells.version_id,
        row_number() over (
            partition by messages.sequence_id, messages.step_id, messages.lead_id
            order by messages.sent_as_of, messages.message_id
        ) as nth
    from {{ ref('messages') }} as messages
    inner join holdout_spells as spells
        on
            messages.sequence_id = spells.sequence_id
            and messages.sent_as_of >= spells.seen_at
            and (spells.until is null or messages.sent_as_of < spells.until)
    inner join splits
        on
            spells.sequence_id = splits.sequence_id
            and spells.version_id = splits.version_id
            and messages.step_id = splits.step_id
            and splits.variants > 1
    where messages.variant_id is not null

),

exposures as (

    select
        'project_holdout' as experiment,
        {{ no_text() }} as sequence_id,
        {{ no_text() }} as step_id,
        lead_id,
        case when is_held_back then 'control' else 'treatment' end as variation_id,
        enrolled_at as first_exposed_at,
        enrollment_id,
        project_version_id as version_id,
        case when is_held_back then project_holdout else 1 - project_holdout end as propensity,
        'control=' || {{ number_text('project_holdout') }} as split,
        has_goal,
        goal_closes_at
    from drawn_for_project

    union all

    select
        'holdout' as experiment,
        sequence_id,
        {{ no_text() }} as step_id,
        lead_id,
        arm as variation_id,
        enrolled_at as first_exposed_at,
        enrollment_id,
        version_id,
        arm_share as propensity,
        'control=' || {{ number_text('holdout') }} as split,
        has_goal,
        goal_closes_at
    from drawn

    union all

    select
        'variants',
        tried.sequence_id,
        tried.step_id,
        tried.lead_id,
        tried.variant_id,
        tried.sent_as_of,
        tried.enrollment_id,
        tried.version_id,
        coalesce(shares.share, 0),
        splits.split,
        enrolled.has_goal,
        enrolled.goal_closes_at
    from tried
    inner join enrolled
        on tried.enrollment_id = enrolled.enrollment_id
    inner join splits
        on
            tried.sequence_id = splits.sequence_id
            and tried.version_id = splits.version_id
            and tried.step_id = splits.step_id
    left join shares
        on
            tried.sequence_id = shares.sequence_id
            and tried.version_id = shares.version_id
            and tried.step_id = shares.step_id
            and tried.variant_id = shares.variant_id
    where tried.nth = 1

    union all

    -- Against control everybody counts whom the variant is for, whether they come as far as the step or not: nobody can say
    -- which of control would have.
    select
        'variants_against_control',
        drawn.sequence_id,
        shares.step_id,
        drawn.lead_id,
        -- a variant may be called control
        case when shares.variant_id = 'control' then 'variant:control' else shares.variant_id end,
        drawn.enrolled_at,
        drawn.enrollment_id,
        drawn.version_id,
        drawn.arm_share * shares.share,
        'control=' || {{ number_text('drawn.holdout') }} || ', ' || splits.split,
        drawn.has_goal,
        drawn.goal_closes_at
    from drawn
    inner join shares
        on
            drawn.sequence_id = shares.sequence_id
            and drawn.version_id = shares.version_id
            and {{ variant_bucket('drawn.sequence_id', 'shares.step_id', 'drawn.lead_id') }}
            * shares.total_weight < shares.cumulative_weight
            and {{ variant_bucket('drawn.sequence_id', 'shares.step_id', 'drawn.lead_id') }}
            * shares.total_weight >= shares.weight_before
    inner join splits
        on
            shares.sequence_id = splits.sequence_id
            and shares.version_id = splits.version_id
            and shares.step_id = splits.step_id
            and splits.variants > 1
    where drawn.arm = 'treatment'

    union all

    select
        'variants_against_control',
        drawn.sequence_id,
        splits.step_id,
        drawn.lead_id,
        'control',
        drawn.enrolled_at,
        drawn.enrollment_id,
        drawn.version_id,
        drawn.arm_share,
        'control=' || {{ number_text('drawn.holdout') }} || ', ' || splits.split,
        drawn.has_goal,
        drawn.goal_closes_at
    from drawn
    inner join splits
        on
            drawn.sequence_id = splits.sequence_id
            and drawn.version_id = splits.version_id
            and splits.variants > 1
    where drawn.arm = 'control'

)

select
    experiment || coalesce(':' || sequence_id, '') || coalesce(':' || step_id, '') as experiment_id,
    experiment,
    sequence_id,
    step_id,
    lead_id,
    variation_id,
    first_exposed_at,
    enrollment_id,
    version_id,
    propensity,
    split,
    has_goal,
    goal_closes_at
from exposures
