from txscript import TxScript, is_empty


def rossum_hook_request_handler(payload: dict) -> dict:
    t = TxScript.from_payload(payload)
    status = t.field.netsuite_status
    if status in ('200', '204'):
        t.show_info(f"NetSuite has {t.field.document_id} as {t.field.netsuite_bill}.")
    elif is_empty(status):
        t.show_error("The call was not made.")
    else:
        t.show_error(f"NetSuite has not taken {t.field.document_id} (status {status}): {t.field.netsuite_error}")
    return t.hook_response()
