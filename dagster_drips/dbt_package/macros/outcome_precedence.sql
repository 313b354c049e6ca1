{#- Outcomes of one attempt in the order in which they end the matter: an answer before a doubt, a doubt before the claim. -#}
{% macro outcome_precedence(outcome) -%}
    case {{ outcome }}
        when 'sent' then 1
        when 'bounced' then 2
        when 'failed' then 3
        when 'deferred' then 4
        when 'in_doubt' then 5
        when 'claimed' then 6
    end
{%- endmacro %}
