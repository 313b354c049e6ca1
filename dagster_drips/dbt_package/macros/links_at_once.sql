{#- The name of the one rule for machines that is not a user agent: two or more links within ten seconds of the sending. -#}
{% macro links_at_once() -%}
two links within 10 s of the sending
{%- endmacro %}
