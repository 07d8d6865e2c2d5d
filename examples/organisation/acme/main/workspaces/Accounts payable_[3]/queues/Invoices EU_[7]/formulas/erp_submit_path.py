substitute(r"/attachments$", "/submit", field.erp_attach_path)
