"""SendGrid: what each documented event becomes. Shapes: the Event Webhook reference."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dagster_drips.errors import DripsError
from tests.collector.webhooks.signing import OURS, THEN, iso, request, sendgrid_key, settings


def event(name, **members):
    return {
        "email": "ada@acme.example",
        "timestamp": THEN,
        "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "category": ["onboarding"],
        "sg_event_id": f"event-{name}",
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "drips_message_id": OURS,
        "event": name,
    } | members


UNKNOWN_USER = "550 5.1.1 The email account that you tried to reach does not exist"
AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"

SAMPLES = [
    (event("processed"), []),
    (event("delivered", response="250 OK"), [{"type": "delivered", "detail": "250 OK"}]),
    (
        event("deferred", response="400 try again later", attempt="5", ip="198.51.100.1"),
        [{"type": "deferred", "detail": "400 try again later"}],
    ),
    (
        event("bounce", reason=UNKNOWN_USER, status="5.1.1", type="bounce"),
        [{"type": "bounced", "bounce_class": "hard", "detail": UNKNOWN_USER + " bounce"}],
    ),
    (
        event("bounce", reason="554 blocked by policy", status="5.7.1", type="blocked"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "5.7.1 554 blocked by policy"}],
    ),
    (
        event("dropped", reason="Bounced Address", status="5.0.0"),
        [{"type": "bounced", "bounce_class": "hard", "detail": "5.0.0 Bounced Address"}],
    ),
    (
        event("dropped", reason="Unsubscribed Address"),
        [
            {"type": "bounced", "bounce_class": "soft", "detail": "Unsubscribed Address"},
            {"type": "unsubscribed", "detail": "Unsubscribed Address"},
        ],
    ),
    (
        event("dropped", reason="Spam Reporting Address"),
        [
            {"type": "bounced", "bounce_class": "soft", "detail": "Spam Reporting Address"},
            {"type": "complained", "detail": "Spam Reporting Address"},
        ],
    ),
    (
        event("dropped", reason="Recipient List over Package Quota"),
        [{"type": "bounced", "bounce_class": "soft", "detail": "Recipient List over Package Quota"}],
    ),
    (
        event("open", useragent=AGENT, ip="203.0.113.7", sg_machine_open=False),
        [{"type": "opened", "user_agent": AGENT, "ip": "203.0.113.7"}],
    ),
    (
        event("open", useragent="Mozilla/5.0", ip="203.0.113.7", sg_machine_open=True),
        [
            {
                "type": "opened",
                "user_agent": "Mozilla/5.0",
                "ip": "203.0.113.7",
                "detail": "opened by a machine, as SendGrid says",
            }
        ],
    ),
    (
        event("click", useragent=AGENT, ip="203.0.113.7", url="https://acme.example/tour?step=2"),
        [{"type": "clicked", "user_agent": AGENT, "ip": "203.0.113.7", "url": "https://acme.example/tour?step=2"}],
    ),
    (event("spamreport"), [{"type": "complained"}]),
    (event("unsubscribe"), [{"type": "unsubscribed"}]),
    (event("group_unsubscribe", asm_group_id=10), [{"type": "unsubscribed"}]),
    (event("group_resubscribe", asm_group_id=10), []),
]


def test_events_become_what_they_mean(landed):
    common = {"message_id": OURS, "occurred_at": iso(THEN)}
    found = landed("sendgrid", *([sample] for sample, _ in SAMPLES))
    assert found == [[common | fact for fact in facts] for _, facts in SAMPLES]


def test_the_message_is_found_by_its_message_id_where_metadata_is_lost(landed):
    late = event("bounce", type="bounce", **{"smtp-id": f"<{OURS}@mail.acme.example>"})
    del late["drips_message_id"]
    ((row,),) = landed("sendgrid", [late])
    assert row["message_id"] == OURS


def test_a_signature_of_another_key_or_another_timestamp_is_refused(collector):
    webhooks = collector()
    body, headers = request("sendgrid", [event("open")])
    stamped = {**headers, "X-Twilio-Email-Event-Webhook-Timestamp": str(THEN + 1)}
    other = ec.generate_private_key(ec.SECP256R1()).sign(str(THEN).encode() + body, ec.ECDSA(_sha256()))
    forged = {**headers, "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(other).decode()}
    unsigned = {name: value for name, value in headers.items() if "Signature" not in name}
    for strange in (stamped, forged, unsigned):
        assert webhooks.post("sendgrid", body, strange).status_code == 401
    assert webhooks.post("sendgrid", body, headers).status_code == 200


def test_any_of_several_keys_will_do_and_pem_as_well(collector):
    old = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = base64.b64encode(old.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    pem = sendgrid_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    webhooks = collector(DRIPS_WEBHOOK_SENDGRID=f"{der},{pem}")
    assert webhooks.deliver("sendgrid", [event("open")]).status_code == 200


@pytest.mark.parametrize("value", ["no key at all", settings()["DRIPS_WEBHOOK_RESEND"], "p384"])
def test_what_is_no_key_over_p256_is_told_at_the_start(collector, value):
    if value == "p384":
        key = ec.generate_private_key(ec.SECP384R1()).public_key()
        value = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    with pytest.raises(DripsError, match="DRIPS_WEBHOOK_SENDGRID: not a") as raised:
        collector(DRIPS_WEBHOOK_SENDGRID=value)
    assert value not in str(raised.value)


def _sha256():
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()
