package main

import (
	"strings"
	"testing"
)

func TestBothInvoicesArriveAndTheThirdIsRefused(t *testing.T) {
	var out strings.Builder
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ID type=\"Line_Number\" parent_id=\"PO-4500012345\" parent_type=\"Document_Number\": 1",
		"Invoice_Received_Date: 2026-04-02",
		"File_Content: JVBERi0xLjcgYSBzY2FubmVkIGludm9pY2U=",
		"-- info: Export to Workday successful. Created new supplier invoice with ID: SUPPLIER_INVOICE-1",
		"-- info: Export to Workday successful. Created new supplier invoice with ID: SUPPLIER_INVOICE-2",
		"is used already. It is that of SUPPLIER_INVOICE-2. (Supplier_Invoice_Data.Suppliers_Invoice_Number) (field document_id)",
		"The tenant holds 2 invoices.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "not-a-secret") {
		t.Error("the password is shown")
	}
}
