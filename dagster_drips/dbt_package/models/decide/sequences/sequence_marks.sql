-- All that what is kept of a sequence's occurrences and enrollments depends on.
select
    sequence_id,
    md5(concat_ws(
        '|',
        version_id,
        status,
        file_state,
        trigger_kind,
        trigger_event,
        trigger_segment,
        coalesce(cast(opens_at as {{ text_type() }}), ''),
        coalesce(cast(restarted_at as {{ text_type() }}), ''),
        coalesce(cast(starts_at as {{ text_type() }}), '')
    )) as mark
from {{ ref('live_sequences') }}
