from txscript import TxScript, is_empty


def rossum_hook_request_handler(payload: dict) -> dict:
    t = TxScript.from_payload(payload)
    status = t.field.sap_status
    if status in ('201',):
        t.show_info(f"SAP has {t.field.document_id} as {t.field.sap_invoice}.")
    elif not is_empty(t.field.sap_invoice):
        t.show_info(f"SAP had {t.field.document_id} already, as {t.field.sap_invoice}.")
    elif is_empty(status):
        t.show_error("The call was not made.")
    else:
        t.show_error(f"SAP has not taken {t.field.document_id} (status {status}): {t.field.sap_error}")
    return t.hook_response()
