-- Rows that the models of experiments read, made up directly: no tick has to draw 100,000 leads.

-- name: clear
delete from marts.enrollments;
delete from marts.messages;
delete from journal.sequence_versions;
delete from raw.step_variants;
delete from raw.tick;
insert into raw.tick values (timestamp '2027-01-01', null, timestamp '2027-01-01', timestamp '2027-01-01');

-- name: versions
-- One a day, the first on the second of January 2026. ?: a list of {sequence_id, version, definition}, as JSON.
insert into journal.sequence_versions by name
select
    one.sequence_id,
    'v' || one.version as version_id,
    timestamp '2026-01-01' + to_days(one.version) as seen_at,
    'active' as status,
    'valid' as file_state,
    one.definition,
    '{}' as files,
    one.version as version_number
from (
    select unnest(from_json(?, '[{"sequence_id": "varchar", "version": "integer", "definition": "varchar"}]')) as one
);

-- name: enrollments
-- ?: a list of groups of leads that were drawn alike, the first so many of which convert, as JSON. The k-th that does buys for
-- 10, 20, … 50.
insert into marts.enrollments by name
select
    md5(concat_ws('/', one.sequence_id, one.version, one.arm, k)) as enrollment_id,
    one.sequence_id,
    concat_ws('/', one.version, one.arm, k) as lead_id,
    timestamp '2026-01-01' + to_days(one.version) as triggered_at,
    timestamp '2026-01-01' + to_days(one.version) as enrolled_at,
    one.arm,
    'o' as occurrence_id,
    case when k < one.converted then timestamp '2026-01-03' + to_days(one.version) end as converted_at,
    case when k < one.converted then 10 * (1 + k % 5) end as conversion_value,
    'EUR' as conversion_currency,
    true as has_goal
from (
    select
        one,
        unnest(range(one.leads)) as k
    from (
        select
            unnest(from_json(
                ?,
                '[{"sequence_id": "varchar", "version": "integer", "arm": "varchar", "leads": "bigint", "converted": "bigint"}]'
            )) as one
    )
);

-- name: messages
-- One a lead, of the variant that its arm names here.
insert into marts.messages by name
select
    md5(enrollment_id) as message_id,
    enrollment_id,
    sequence_id,
    'mail' as step_id,
    arm as variant_id,
    lead_id,
    enrolled_at as sent_as_of,
    'sent' as status
from marts.enrollments;
update marts.enrollments set arm = 'treatment';

-- name: sequences_without_effect
-- ?: a number of sequences in which nothing has an effect, with all that could look like one: no holdout at first, then one of 0.2, then
-- of 0.5, while the rate of conversions falls; people who come in up to four times, some of whom always convert and some never.
-- The arm is drawn as E8 says.
create or replace temp table sequences as select unnest(range(?)) as s

-- name: versions_without_effect
insert into journal.sequence_versions by name
select
    's' || s as sequence_id,
    'v' || v as version_id,
    timestamp '2026-01-01' + to_days(cast(30 * v as integer)) as seen_at,
    'active' as status,
    'valid' as file_state,
    '{"holdout":' || [0.0, 0.2, 0.5][v + 1] || ',"goal":{"event":"purchase","within":{"seconds":604800}}}' as definition,
    '{}' as files,
    v as version_number
from sequences, range(3) as versions(v)

-- name: enrollments_without_effect
insert into marts.enrollments by name
with

people as (

    select
        's' || s as sequence_id,
        'l' || l as lead_id,
        cast('0x' || substr(md5('holdout:s' || s || ':l' || l), 1, 8) as bigint) / 4294967296.0 as bucket,
        cast('0x' || substr(md5(concat_ws('/', 'nature', s, l)), 1, 8) as bigint) / 4294967296.0 as nature,
        cast(1 + ascii(substr(md5(concat_ws('/', 'times', s, l)), 1, 1)) % 4 as integer) as times,
        cast('0x' || substr(md5(concat_ws('/', 'day', s, l)), 1, 8) as bigint) / 4294967296.0 * 90 as day
    from sequences, range(240) as leads(l)

),

entries as (

    select
        *,
        unnest(range(times)) as nth
    from people

),

dated as (

    select
        *,
        timestamp '2026-01-01' + to_hours(cast(24 * (day + 15 * nth) as bigint)) as entered_at,
        least(2, cast(floor((day + 15 * nth) / 30) as integer)) as version,
        cast('0x' || substr(md5(concat_ws('/', 'buys', sequence_id, lead_id, nth)), 1, 8) as bigint) / 4294967296.0 as luck
    from entries

)

select
    md5(concat_ws('/', sequence_id, lead_id, nth)) as enrollment_id,
    sequence_id,
    lead_id,
    entered_at as triggered_at,
    entered_at as enrolled_at,
    'o' || nth as occurrence_id,
    case when bucket < [0.0, 0.2, 0.5][version + 1] then 'control' else 'treatment' end as arm,
    case
        when nature < 0.6 * [0.8, 0.4, 0.2][version + 1] or luck < 0.1 * [0.8, 0.4, 0.2][version + 1]
            then entered_at + to_hours(cast(24 + 100 * luck as bigint))
    end as converted_at,
    case
        when nature < 0.6 * [0.8, 0.4, 0.2][version + 1] or luck < 0.1 * [0.8, 0.4, 0.2][version + 1]
            then cast(10 * exp(2 * luck) as decimal(18, 4))
    end as conversion_value,
    true as has_goal
from dated;

-- name: rejected
-- How many of the experiments say at this tick, at 5 %, that there is something.
select
    count(*) as experiments,
    count(case when p_value <= 0.05 then 1 end) as by_p,
    count(case when always_valid_p <= 0.05 then 1 end) as by_always_valid_p,
    count(case when difference_low > 0 or difference_high < 0 then 1 end) as by_difference,
    count(case when lift_low > 0 or lift_high < 0 then 1 end) as by_lift,
    count(case when revenue_p_value <= 0.05 then 1 end) as by_revenue,
    count(case when srm_p_value <= 0.05 then 1 end) as by_sizes
from marts.experiment_results
where arm = 'treatment'
