{{ config(materialized='table') }}

{{ exits_of(ref('open_enrollments')) }}
