{#- Who runs the mailboxes of a domain: as the seed mailbox_providers, joined as `providers`, knows it, else the domain itself. -#}
{% macro mailbox_provider(providers, domain) -%}
    coalesce({{ providers }}.provider, {{ domain }})
{%- endmacro %}
