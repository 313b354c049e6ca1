-- Three content models beside the due rows (M9): a row a lead, three rows a lead, a row a lead with a struct.
create schema content;
create table content.account as
select lead_id, 'Pro' as plan, 12 as seats, 1250.50::decimal(10, 2) as saved
from staging.stg_leads;
create table content.recommended as
select lead_id, place, 'Lamp no. ' || place as name, (9.90 * place)::decimal(8, 2) as price
from staging.stg_leads cross join (values (3), (1), (2)) as places (place);
create table content.manager as
select lead_id, {'name': 'Ada Lovelace', 'phone': '+49 30 1234'} as who, timestamp '2026-03-01 10:00:00' as since
from staging.stg_leads;
insert into raw.content_models
select unnest(['account', 'recommended', 'manager']) as content, 'lead_id', content = 'recommended', null, null;
insert into raw.step_content
select 'weekly', 'report', content from raw.content_models;
insert into raw.tick values ($as_of, null, $as_of, $as_of);
update journal.sequence_versions set files = replace(files, '</body>', '{% for row in content.recommended %}<p>{{ row.name }}: {{ row.price }}</p>{% endfor %}<p>{{ content.account.plan }}, {{ content.account.saved }}, {{ content.manager.who.name }} since {{ content.manager.since }}</p></body>');
