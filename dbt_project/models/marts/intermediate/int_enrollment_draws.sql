with

version_spells as (

    {{ version_spells() }}

)

{{ draws_of(ref('enrollments_after_sending'), 'version_spells') }}
