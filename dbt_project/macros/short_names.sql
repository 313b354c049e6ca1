{#- What segments say of the package without its name. The rest of it has one: `{{ drips.add_seconds(…) }}`. -#}
{% macro as_of() -%}
    {{ return(drips.as_of()) }}
{%- endmacro %}

{% macro has_tag(tag, tags='tags') -%}
    {{ return(drips.has_tag(tag, tags)) }}
{%- endmacro %}

{% macro local_time(timezone) -%}
    {{ return(drips.local_time(timezone)) }}
{%- endmacro %}

{% macro bucket(salt) -%}
    {{ return(drips.bucket(salt)) }}
{%- endmacro %}
