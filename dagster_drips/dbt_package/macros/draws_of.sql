{#- What drew the arm of each of these enrollments (E8): the version that enrolled it, the two holdouts of then, and how probable the arm
    was that it got. One row an enrollment; one whose version is not known has none. -#}
{% macro draws_of(enrollments, holdout_spells) -%}
    select
        draws.*,
        case
            when arm = 'control' then project_holdout + (1 - project_holdout) * coalesce(holdout, 0)
            else (1 - project_holdout) * (1 - coalesce(holdout, 0))
        end as propensity
    from (
        select
            enrollments.enrollment_id,
            enrollments.arm,
            spells.version_id,
            spells.holdout,
            project_spells.version_id as project_version_id,
            -- the project's holdout, of the tick that enrolled (E8)
            {{ project_holdout_of('project_spells.holdout', 'spells.transactional', 'spells.confirmation') }} as project_holdout
        from {{ enrollments }} as enrollments
        inner join {{ holdout_spells }} as spells
            on
                enrollments.sequence_id = spells.sequence_id
                and enrollments.enrolled_at >= spells.seen_at
                and (spells.until is null or enrollments.enrolled_at < spells.until)
        left join {{ holdout_spells }} as project_spells
            on
                project_spells.sequence_id = 'project.yml'
                and enrollments.enrolled_at >= project_spells.seen_at
                and (project_spells.until is null or enrollments.enrolled_at < project_spells.until)
    ) as draws
{%- endmacro %}
