{#- Addresses that may not be mailed at an instant (L3): one row per address, reason and topic (NULL: all of them).
    `resubscribed` with a topic lifts earlier unsubscribes of that topic, without one all earlier unsubscribes, and nothing else. -#}
{% macro suppressed_addresses(instant) -%}
    with

    -- Materialized: the facts are asked twice, and planning them costs more than reading them.
    facts as {{ materialized() }} (

        select
            address,
            reason,
            topic,
            occurred_at
        from {{ ref('suppression_facts') }}

    )

    select distinct
        suppressions.address,
        suppressions.reason,
        suppressions.topic
    from facts as suppressions
    where
        suppressions.reason <> 'resubscribed'
        and suppressions.occurred_at <= {{ instant }}
        and not (
            suppressions.reason = 'unsubscribed'
            and exists (
                select 1
                from facts as lifts
                where
                    {{ is_lifted_by('suppressions', 'lifts') }}
                    and lifts.occurred_at <= {{ instant }}
            )
        )
{%- endmacro %}

{#- Whether such a row holds for a sequence: an unsubscribe of its topic or of all, unless it is transactional; the rest always. -#}
{% macro suppression_applies(suppression, sequence) -%}
    (
        {{ suppression }}.reason <> 'unsubscribed'
        or (
            not {{ sequence }}.transactional
            and ({{ suppression }}.topic is null or {{ suppression }}.topic = {{ sequence }}.topic)
        )
    )
{%- endmacro %}

{#- Whether a later `resubscribed` takes this unsubscribe back (L3); both are rows of `suppression_facts`. -#}
{% macro is_lifted_by(suppression, lift) -%}
    {{ lift }}.reason = 'resubscribed'
                    and {{ lift }}.address = {{ suppression }}.address
                    and {{ lift }}.occurred_at > {{ suppression }}.occurred_at
                    and ({{ lift }}.topic is null or {{ lift }}.topic = {{ suppression }}.topic)
{%- endmacro %}
