select * from {{ ref('data_gates') }}
