from txscript import TxScript


def rossum_hook_request_handler(payload: dict) -> dict:
    t = TxScript.from_payload(payload)
    if t.field.coupa_status != "201":
        t.show_error(f"Coupa has not taken {t.field.document_id} (status {t.field.coupa_status}): {t.field.coupa_error}")
        return t.hook_response()
    for label, status in (
        ("image scan", t.field.coupa_scan_status),
        ("attachment", t.field.coupa_attachment_status),
        ("submission", t.field.coupa_submit_status),
    ):
        if status not in ("200", "201"):
            t.show_error(f"Coupa has {t.field.document_id} as draft {t.field.coupa_id}, but not its {label} (status {status}).")
            return t.hook_response()
    t.show_info(f"Coupa has {t.field.document_id} as {t.field.coupa_id}.")
    return t.hook_response()
