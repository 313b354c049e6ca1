-- Tables that dbt does not own: what came in and what a tick makes of it (raw). The journal's are in schema_journal.sql.
-- dbt reads them as sources and never writes them. Times are naive UTC.
-- One statement each, all idempotent, and such as DuckDB and PostgreSQL both take: a warehouse is brought up to date by running the whole file.

create schema if not exists raw;
create schema if not exists journal;

-- The clock (T1) -----------------------------------------------------------------------------------------------------
create table if not exists raw.tick (
    as_of timestamp not null,        -- this tick's instant; one row
    previous_as_of timestamp,        -- the last finished tick before it
    sending_at timestamp not null,   -- the instant at which sending reads suppressions again (L3)
    started_at timestamp not null    -- wall clock: as_of + (now - started_at) is the tick's own time
);
-- What the wall clocks of the world show at as_of: IANA zones, M5 needs no more.
create table if not exists raw.time_zones (
    timezone varchar not null,
    utc_offset_seconds integer not null
);
-- The same for the years to come, of which nothing is decided: `drips explain` tells when a window opens next (M5).
create table if not exists raw.clock_changes (
    timezone varchar not null,
    since timestamp not null,
    until timestamp not null,        -- excluded; of the last one the end of the calendar
    utc_offset_seconds integer not null,
    tzdata varchar not null,         -- the release that says so
    made_until timestamp not null    -- changes later than this are not in it
);

-- Landed -------------------------------------------------------------------------------------------------------------
-- _load: loaded_files.load_id; _line: 1-based line (row for Parquet). (_load, _line) is the order of loading.
-- Custom fields of leads become columns behind these.
create table if not exists raw.leads (
    lead_id varchar not null,
    created_at timestamp not null,
    updated_at timestamp,
    email varchar,
    first_name varchar,
    last_name varchar,
    company varchar,
    country varchar,
    locale varchar,
    timezone varchar,
    phone varchar,
    tags varchar[],
    changed_fields varchar[],        -- null: a whole version (T2); else the row says something of these columns only
    _drips_source varchar,           -- verified, page, anonymous: what a page's key brought in; null: a source that is trusted
    _load bigint not null,
    _line bigint not null
);
alter table raw.leads add column if not exists changed_fields varchar[];   -- warehouses made before it
alter table raw.leads add column if not exists _drips_source varchar;
create table if not exists raw.events (
    event_id varchar not null,
    lead_id varchar not null,
    event varchar not null,
    occurred_at timestamp not null,
    received_at timestamp,
    properties varchar,              -- a JSON object as it was written
    number_texts varchar,            -- a JSON object: properties whose number JSON readers would rewrite (1.50, 1e3), as written (E1)
    value decimal(18, 4),
    currency varchar,
    _drips_source varchar,           -- as in raw.leads
    _load bigint not null,
    _line bigint not null
);
alter table raw.events add column if not exists _drips_source varchar;   -- warehouses made before it
create table if not exists raw.suppressions (
    email varchar not null,
    reason varchar,
    occurred_at timestamp,           -- null: holds from the start (L3)
    topic varchar,
    _load bigint not null,
    _line bigint not null
);
create table if not exists raw.engagement (
    engagement_id varchar not null,  -- the landed one, or md5 of the row's columns
    message_id varchar not null,
    type varchar not null,
    occurred_at timestamp,           -- null only for what suppresses (L3)
    topic varchar,
    url varchar,
    user_agent varchar,
    ip varchar,
    bounce_class varchar,
    detail varchar,
    _load bigint not null,
    _line bigint not null
);
-- Whom `drips forget` erased, as keyed hashes; from data/journal/forgotten.jsonl, whenever suppressions are loaded.
create table if not exists raw.forgotten (
    kind varchar not null,           -- address, lead
    hash varchar not null,           -- sha256 of pepper, kind, ':' and the value; hex
    pepper varchar not null          -- the project's, the same in all rows
);
create table if not exists raw.loaded_files (
    load_id bigint not null,         -- 1, 2, 3, … in the order of loading
    kind varchar not null,           -- leads, events, suppressions, engagement
    path varchar not null,           -- below data/landing: events/0001.jsonl
    size bigint not null,            -- bytes
    sha256 varchar not null,
    rows bigint not null,            -- taken
    rejected bigint not null,
    duplicates bigint not null,      -- dropped by idempotency key, or all rows of a file landed before under another name
    loaded_at timestamp not null     -- wall clock
);
-- Size and time of a loaded file when its bytes were last looked at: another state is a reason to look again.
create table if not exists raw.file_states (
    path varchar not null,           -- as in loaded_files
    state varchar not null
);
create table if not exists raw.rejected_rows (
    kind varchar not null,
    file varchar not null,           -- the file's name in its landing folder
    line bigint not null,
    reason varchar not null,
    row varchar,                     -- as it came
    _load bigint not null
);

-- Intake: what its models have landed so far; made again from the files that they landed ----------------------------------
create table if not exists raw.intake_rows (
    kind varchar not null,           -- leads, events, suppressions, engagement
    key uuid not null,               -- md5 of the row's key
    digest uuid                      -- md5 of its content; null: of a lead that is in its model no more
);
-- Landed files that it is made from.
create table if not exists raw.intake_files (
    path varchar not null            -- as in loaded_files
);
-- Intake models as their files are at this tick.
create table if not exists raw.intake_models (
    kind varchar not null,
    file varchar not null,           -- relative to the project folder
    absent varchar                   -- what a lead means that is there no more: suppress, forget; null: nothing
);
-- What was wrong with intake at the last tick.
create table if not exists raw.intake_problems (
    file varchar not null,           -- relative to the project folder
    reason varchar not null
);

-- Sequences, as they are live at this tick (S1, S2) -------------------------------------------------------------------
create table if not exists raw.project_settings (
    timezone varchar not null,
    cap_messages integer,
    cap_per_seconds bigint,
    max_per_tick integer,
    servers varchar[] not null,      -- of senders without an identity, in the order in which they are tried
    soft_bounce_count integer,       -- so many soft bounces in a row over at least soft_bounce_over_seconds are a hard one; null: never
    soft_bounce_over_seconds bigint,
    page_leads varchar,              -- wait, confirm, mail: when people whom only a page's form knows are mailed; null: wait
    page_events varchar,             -- all, verified: which events of pages count; null: all
    attribution_click_seconds bigint,-- so long before a sale a click counts for it; null: the dbt variable attribution_days
    attribution_open_seconds bigint,
    attribution_half_life_seconds bigint default 604800   -- of the model time_decay
);
-- Warehouses made before there were several servers.
alter table raw.project_settings add column if not exists servers varchar[] default array['default'];
-- Warehouses made before soft bounces counted.
alter table raw.project_settings add column if not exists soft_bounce_count integer;
alter table raw.project_settings add column if not exists soft_bounce_over_seconds bigint;
-- Warehouses made before there were keys for pages.
alter table raw.project_settings add column if not exists page_leads varchar;
alter table raw.project_settings add column if not exists page_events varchar;
-- Warehouses made before attribution had windows of its own.
alter table raw.project_settings add column if not exists attribution_click_seconds bigint;
alter table raw.project_settings add column if not exists attribution_open_seconds bigint;
alter table raw.project_settings add column if not exists attribution_half_life_seconds bigint default 604800;
-- sequences/senders.yml: who sends mail, and how fast.
create table if not exists raw.sender_identities (
    sender_id varchar not null,
    address varchar not null,        -- of `email`, trimmed and lower-cased (L3): what it is found by
    name varchar,
    email varchar not null,
    reply_to varchar,
    servers varchar[] not null,      -- the identity's, else the file's, else ['default']
    return_path varchar,             -- the envelope's sender, before VERP
    verp boolean not null,
    dkim_domain varchar,
    dkim_selector varchar,
    rate_messages integer,           -- so many in any rate_per_seconds
    rate_per_seconds bigint,
    connections integer,             -- at most so many at once
    warmup_start integer,            -- messages on the first UTC day of sending
    warmup_growth double precision,  -- times as many each day after
    max_per_tick integer             -- F2
);
create table if not exists raw.recipient_domains (
    domain varchar not null,
    rate_messages integer,
    rate_per_seconds bigint,
    connections integer
);
create table if not exists raw.sequences (
    sequence_id varchar not null,
    version_id varchar not null,     -- md5 of the definition and its templates
    name varchar not null,
    status varchar not null,         -- draft, active, paused, archived; a deleted file counts as paused
    file_state varchar not null,     -- valid, invalid (the last valid version goes on), deleted
    active_from timestamp,           -- as the file gives it
    trigger_kind varchar not null,   -- event, lead_created, segment_entered
    trigger_event varchar,           -- for event
    trigger_segment varchar,         -- for segment_entered
    include_existing boolean not null,
    lookback_seconds bigint not null,
    trigger_max_age_seconds bigint,
    reentry varchar not null,        -- never, after_exit, after
    reentry_seconds bigint,          -- for after
    holdout double precision not null,
    exits_on_goal boolean not null,
    exits_on_reply boolean not null,
    exits_on_leaving_segments boolean not null,
    sender_name varchar,
    sender_email varchar not null,
    sender_reply_to varchar,
    sender_max_per_tick integer,
    window_days varchar not null,    -- seven characters, Monday first: 1 open, 0 closed
    window_start_minute integer not null,
    window_end_minute integer not null,
    window_timezone varchar not null,-- lead, or an IANA name
    priority integer not null,       -- F3, the default filled in
    topic varchar,
    transactional boolean not null,
    confirmation boolean,            -- null or false: an ordinary one
    project_holdout double precision, -- project.yml's (E8); null: made before it
    rollout double precision         -- the share of leads that may enter (E9); null: everybody
);
alter table raw.sequences add column if not exists confirmation boolean;   -- warehouses made before it
alter table raw.sequences add column if not exists project_holdout double precision;
alter table raw.sequences add column if not exists rollout double precision;
-- Goals are read from the versions since an enrollment keeps its own (L2).
alter table raw.sequences drop column if exists goal_event;
alter table raw.sequences drop column if exists goal_within_seconds;
create table if not exists raw.sequence_steps (
    sequence_id varchar not null,
    step_id varchar not null,
    position integer not null,       -- 1, 2, 3, … in the order of the file
    delay_seconds bigint not null,
    after_trigger boolean not null,
    expires_after_seconds bigint,
    rollout double precision,        -- the share of leads that get it (E9); null: everybody
    may_decline boolean              -- one of its templates calls skip() (M10); null: made before it
);
alter table raw.sequence_steps add column if not exists rollout double precision; -- warehouses made before it
alter table raw.sequence_steps add column if not exists may_decline boolean;
-- Steps that an earlier version had and this one has not (M1).
create table if not exists raw.retired_steps (
    sequence_id varchar not null,
    step_id varchar not null,
    stood_after varchar              -- the step before it in the last version that had it; null: it stood first
);
create table if not exists raw.step_variants (
    sequence_id varchar not null,
    step_id varchar not null,
    variant_id varchar not null,
    position integer not null,
    weight double precision not null
);
create table if not exists raw.step_conditions (
    sequence_id varchar not null,
    step_id varchar not null,
    polarity varchar not null,       -- only_if, unless
    kind varchar not null,           -- segment, event, opened, clicked
    value varchar not null           -- segment, event name or step id
);
create table if not exists raw.sequence_segments (
    sequence_id varchar not null,
    role varchar not null,           -- include, exclude
    segment varchar not null
);
-- Segments that this tick had no result of, and why (E5): written when the models have run.
create table if not exists raw.segment_failures (
    segment varchar not null,
    file varchar not null,           -- relative to the project folder
    reason varchar not null,         -- the database's or dbt's words
    is_missing boolean               -- there is no such file; null or false: it is there, and fails
);
alter table raw.segment_failures add column if not exists is_missing boolean;   -- warehouses made before it
create table if not exists raw.sequence_predicates (
    sequence_id varchar not null,
    role varchar not null,           -- trigger
    property varchar not null,
    value varchar not null           -- JSON text, strings bare (E1)
);
create table if not exists raw.sequence_exit_events (
    sequence_id varchar not null,
    event varchar not null
);

-- Content (M9) -----------------------------------------------------------------------------------------------------------
create table if not exists raw.step_content (
    sequence_id varchar not null,
    step_id varchar not null,
    content varchar not null         -- a content model that one of the step's templates names
);
-- Content models as their files are at this tick.
create table if not exists raw.content_models (
    content varchar not null,
    key varchar not null,            -- lead_id, event_id or a property of the trigger's event
    is_many boolean not null,        -- several rows of one key are promised, not at most one
    fingerprint varchar,             -- of the dbt project that its view or table was made from; null: not made yet
    failure varchar                  -- why it could not be made: dbt's or the database's words
);
-- Content models that steps due at this tick asked for in vain, and why.
create table if not exists raw.content_failures (
    content varchar not null,
    file varchar not null,           -- relative to the project folder
    reason varchar not null
);
-- What the messages that are due at this tick show of content models.
create table if not exists raw.due_content (
    message_id varchar not null,
    content varchar not null,        -- JSON: model -> its row, or its rows
    content_types varchar not null,  -- JSON: model -> its columns' types
    is_new boolean not null          -- the journal lacks it
);
-- Due messages whose template declined them at this tick (M10).
create table if not exists raw.declined_steps (
    message_id varchar not null,
    reason varchar not null          -- the template's words
);

-- Gates (G1) -------------------------------------------------------------------------------------------------------------
-- Data tests that failed at this tick: a row for each segment that is made from what the test is about. Empty in a replay.
create table if not exists raw.failed_tests (
    test varchar not null,           -- its name in dbt
    segment varchar,                 -- null: deciding reads it by another way, whatever segments a sequence names
    reason varchar not null          -- in one sentence
);
-- Gates of sequence files: one row per sequence and gate, of freshness per kind of row too.
create table if not exists raw.sequence_gate_limits (
    sequence_id varchar not null,
    gate varchar not null,           -- max_new_enrollments, segment_change, bounce_rate, complaint_rate, freshness
    subject varchar,                 -- of freshness: leads, events, engagement
    warn_above double precision,
    stop_above double precision,     -- a number of enrollments, or a share
    span_seconds bigint,             -- of segment_change: since when; of freshness: how old
    messages integer,                -- of rates: over so many of a sender
    is_warning boolean not null      -- it only warns
);
-- data/journal/waivers.jsonl, read at each tick.
create table if not exists raw.gate_waivers (
    number bigint not null,          -- 1, 2, 3, … in the order in which they were given
    gate varchar not null,
    sequence_id varchar not null,
    until timestamp not null,        -- ticks before it
    why varchar not null,
    given_by varchar not null,
    given_at timestamp not null,     -- wall clock
    counts_from timestamp            -- null: at this tick; in a replay given_at
);

-- data/mail_exchangers.csv, read at each tick: which host takes the mail of recipients' domains ---------------------------
create table if not exists raw.mail_exchangers (
    domain varchar not null,
    exchanger varchar,               -- null: the domain has none
    asked_at timestamp not null      -- wall clock
);

-- What the last sending held back, though it was due: it stays due ------------------------------------------------------
create table if not exists raw.held_messages (
    message_id varchar not null,
    reason varchar not null          -- only_to: DRIPS_ONLY_TO lets mail go to others alone
);

-- Why the last sending stopped early, and which mail server or sender that is about; no row where it did not.
create table if not exists raw.sending_stops (
    subject varchar not null,
    reason varchar not null,         -- without addresses
    left_due bigint                  -- of all subjects together; null: sending never began
);

-- Deliveries: one row a fact, append-only; ingested from the delivery journal -------------------------------------------
create table if not exists raw.delivery_log (
    message_id varchar not null,
    attempt integer not null,        -- 1, 2, 3, …
    outcome varchar not null,        -- claimed, sent, deferred, bounced, failed, in_doubt
    recorded_at timestamp not null,  -- in the tick's own time
    as_of timestamp not null,        -- the tick that decided it (M4)
    enrollment_id varchar not null,
    sequence_id varchar not null,
    version_id varchar,
    step_id varchar not null,
    variant_id varchar,
    lead_id varchar not null,
    sender varchar not null,
    recipient varchar not null,      -- trimmed, in the case it was landed in
    scheduled_at timestamp not null,
    transactional boolean not null,
    smtp_code integer,
    enhanced_code varchar,           -- RFC 3463
    detail varchar,                  -- the server's words, or the error: render_error: …
    retry_at timestamp               -- for deferred
);
