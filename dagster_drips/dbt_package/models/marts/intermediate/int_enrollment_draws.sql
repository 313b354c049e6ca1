with

holdout_spells as (

    {{ holdout_spells() }}

)

{{ draws_of(ref('enrollments_after_sending'), 'holdout_spells') }}
