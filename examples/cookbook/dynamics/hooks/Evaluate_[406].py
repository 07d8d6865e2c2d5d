from txscript import TxScript, is_empty


def rossum_hook_request_handler(payload: dict) -> dict:
    t = TxScript.from_payload(payload)
    status = t.field.dynamics_status
    if status in ('200',):
        t.show_info(f"Dynamics has {t.field.document_id} as {t.field.dynamics_id}.")
    elif status == "412" and not is_empty(t.field.dynamics_id):
        t.show_info(f"Dynamics had {t.field.document_id} already, as {t.field.dynamics_id}.")
    elif is_empty(status):
        t.show_error("The call was not made.")
    else:
        t.show_error(f"Dynamics has not taken {t.field.document_id} (status {status}).")
    return t.hook_response()
