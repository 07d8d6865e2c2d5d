"yes" if field.erp_create_status == "201" else ""
