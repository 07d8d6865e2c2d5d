# The address of the second call is made of what the first one returned.
if is_set(field.erp_invoice_id):
    f"/api/invoices/{field.erp_invoice_id}/attachments"
else:
    ""
