{#- Who runs the mailboxes of a domain: as int_mailbox_providers, joined as `providers`, knows it, else the domain itself. -#}
{% macro mailbox_provider(providers, domain) -%}
    coalesce({{ providers }}.provider, {{ domain }})
{%- endmacro %}
