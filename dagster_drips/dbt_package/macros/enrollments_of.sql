{#- Every enrollment that was ever made and how it stands, from what is kept of decisions and closings: one row an enrollment.
    Closed is closed for good (M1). -#}
{% macro enrollments_of(decisions, closings) -%}
    select
        decisions.enrollment_id,
        decisions.sequence_id,
        decisions.lead_id,
        decisions.occurrence_id,
        decisions.occurred_at as triggered_at,
        decisions.decided_at as enrolled_at,
        decisions.arm,
        case when closings.enrollment_id is null then 'active' else closings.status end as status,
        closings.exit_reason,
        closings.closed_at
    from {{ decisions }} as decisions
    left join {{ closings }} as closings
        on decisions.enrollment_id = closings.enrollment_id
    where decisions.decision = 'enrolled'
{%- endmacro %}
