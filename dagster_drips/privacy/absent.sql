-- name: absent_leads
select leads.lead_id
from raw.leads as leads
inner join raw.intake_rows as known
    on known.key = cast(md5(leads.lead_id) as uuid)
where known.kind = 'leads' and known.digest is null
group by leads.lead_id
order by leads.lead_id
