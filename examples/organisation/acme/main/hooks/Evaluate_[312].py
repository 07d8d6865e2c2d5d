from txscript import TxScript, is_empty


CALLS = [
    ("Create draft", "erp_create_status", ("201",)),
    ("Attach original", "erp_original_status", ("201",)),
    ("Attach summary", "erp_summary_status", ("201",)),
    ("Submit", "erp_submit_status", ("200",)),
]


def explain(label, status, reply):
    try:
        errors = json.loads(reply).get("errors", {})
    except ValueError:
        return [f"{label}: status {status}"]
    return [f"{label} ({key}): {text}" for key, texts in errors.items() for text in texts] or [f"{label}: status {status}"]


def rossum_hook_request_handler(payload: dict) -> dict:
    t = TxScript.from_payload(payload)
    for label, schema_id, accepted in CALLS:
        status = getattr(t.field, schema_id)
        if is_empty(status):
            t.show_error(f"{label}: the call was not made.")
            break
        if status not in accepted:
            for text in explain(label, status, t.field.erp_create_reply):
                t.show_error(text)
            break
    else:
        t.show_info(f"The ERP has {t.field.document_id} as {t.field.erp_invoice_id}.", t.field.erp_invoice_id)
    return t.hook_response()
