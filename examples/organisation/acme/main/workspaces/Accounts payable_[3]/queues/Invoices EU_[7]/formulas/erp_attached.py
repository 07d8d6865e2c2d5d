statuses = [field.erp_original_status, field.erp_summary_status]
if field.erp_created and all(s == "201" for s in statuses):
    "yes"
else:
    ""
