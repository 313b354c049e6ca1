{{ config(materialized='table') }}

{{ exits_of(ref('new_enrollments')) }}
