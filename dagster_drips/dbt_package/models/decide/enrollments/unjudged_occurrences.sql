-- Of a sequence as it was before an edit nothing counts: what counts now was found anew.
with

waiting as (

    select
        occurrences.sequence_id,
        occurrences.lead_id,
        occurrences.occurrence_id,
        occurrences.occurred_at
    from {{ ref('current_occurrences') }} as occurrences
    inner join {{ ref('sequence_marks') }} as marks
        on occurrences.sequence_id = marks.sequence_id and occurrences.mark = marks.mark
    where occurrences.is_waiting

)

{{ without_mistaken_entries('waiting') }}
