if is_empty(field.item_tax_rate):
    "exempt"
else:
    f"{field.item_tax_rate:g} %"
