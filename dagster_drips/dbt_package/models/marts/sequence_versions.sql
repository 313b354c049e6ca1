with

versions as (

    {{ version_spells_of(source('journal', 'sequence_versions')) }}
    -- The files of the whole project are kept beside them.
    where status not in ('settings', 'senders')

),

mails as (

    {{ mails_of_versions('versions') }}

)

select
    versions.sequence_id,
    versions.nth as version_number,
    versions.version_id,
    versions.seen_at as since,
    versions.until,
    versions.until is null as is_latest,
    versions.status,
    versions.file_state,
    {{ definition_text('versions.definition', 'name') }} as name,
    mails.step_id,
    cast(mails.position as integer) as position,
    mails.variant_id,
    mails.subject,
    mails.preview_text,
    mails.template
from versions
inner join mails
    on
        versions.sequence_id = mails.sequence_id
        and versions.nth = mails.nth
