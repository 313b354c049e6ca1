insert into marts.pipeline_latency (as_of) values ('2026-03-09 07:00');
insert into marts.sequence_performance (sequence_id, name, status) values
    ('cart', 'Abandoned cart <b>', 'active'), ('quiet', 'Quiet', 'active'), ('old', 'Old', 'archived');
insert into marts.sequence_performance_daily
    (sequence_id, day, sent, delivered, delivered_tracked, opened, clicked, unsubscribed, complained, bounced, refused, answered) values
    ('cart', '2026-03-08', 100, 90, 90, 45, 9, 1, 0, 8, 2, 102),
    ('cart', '2026-03-02', 100, 100, 100, 50, 10, 0, 0, 0, 0, 100),
    ('cart', '2026-03-01', 50, 50, 50, 20, 5, 0, 0, 0, 0, 50),
    ('cart', '2026-02-22', 999, 999, 999, 999, 999, 999, 999, 0, 0, 999),
    ('cart', '2026-03-09', 999, 999, 999, 999, 999, 999, 999, 0, 0, 999),
    ('quiet', '2026-02-24', 7, 7, 7, 1, 0, 0, 0, 0, 0, 7);
insert into marts.conversions
    (enrollment_id, event_id, sequence_id, arm, occurred_at, is_first, is_counted, value, currency, refunds) values
    ('e1', 'o1', 'cart', 'treatment', '2026-03-03 10:00', true, true, 120, 'EUR', 20),
    ('e2', 'o1', 'old', 'treatment', '2026-03-03 10:00', true, true, 120, 'EUR', 20),
    ('e3', 'o2', 'cart', 'treatment', '2026-03-08 23:59', false, true, 80, 'USD', 0),
    ('e4', 'o3', 'cart', 'control', '2026-03-04 10:00', true, true, 5000, 'EUR', 0),
    ('e5', 'o4', 'cart', 'treatment', '2026-02-28 10:00', true, true, 60, 'EUR', 0),
    ('e6', 'o5', 'cart', 'treatment', '2026-03-04 10:00', true, true, null, null, null);
insert into marts.sequence_revenue_daily (sequence_id, day, currency, conversions, gross_revenue) values
    ('cart', '2026-03-03', 'EUR', 1, 120), ('cart', '2026-03-08', 'USD', 0, 80), ('cart', '2026-03-04', null, 1, 0),
    ('old', '2026-03-03', 'EUR', 1, 120), ('cart', '2026-02-28', 'EUR', 1, 60);
insert into marts.list_growth (day, net_growth) values ('2026-03-02', 12), ('2026-03-08', -2), ('2026-02-25', 4);
insert into marts.deliverability
    (sender, recipient_domain, mailbox_provider, day, attempted, sent, delivered, bounced, refused, answered, complained) values
    ('news@acme.example', 'a.example', 'Google', '2026-03-02', 180, 170, 160, 6, 4, 174, 1),
    ('news@acme.example', 'b.example', 'b.example', '2026-03-08', 40, 30, 30, 2, 2, 32, 0);
