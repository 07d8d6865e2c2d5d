package workdaytest_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// A tenant refuses what the schema forbids, keeps what it takes, and fails on
// demand.
func Example() {
	tenant := workdaytest.NewTenant()
	defer tenant.Close()
	client, err := workday.NewClient(tenant.Coordinates(), workdaytest.Username, workdaytest.Password, workday.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	invoice := map[string]any{"Supplier_Invoice_Data": map[string]any{
		"Company_Reference":        map[string]any{"ID": map[string]any{"type": "Company_Reference_ID", "_value_1": "C-1"}},
		"Suppliers_Invoice_Number": "INV-1",
	}}
	submit := func() error {
		_, err := client.Call(context.Background(), "Resource_Management", "Submit_Supplier_Invoice", invoice)
		return err
	}
	fmt.Println(submit(), len(tenant.Invoices()))
	fmt.Println(submit())
	tenant.Next(func(w http.ResponseWriter, _ *http.Request) { workdaytest.ProcessingFault(w) })
	fmt.Println(submit())
	// Output:
	// <nil> 1
	// Validation error occurred. The supplier's invoice number is used already.
	// The supplier's invoice number is used already. It is that of SUPPLIER_INVOICE-1. (Supplier_Invoice_Data.Suppliers_Invoice_Number)
	// Processing error occurred. The task submitted is not authorized.
}

// Faults of Workday's own kind are told apart by the client.
func ExampleSOAPFault() {
	tenant := workdaytest.NewTenant()
	defer tenant.Close()
	client, err := workday.NewClient(tenant.Coordinates(), workdaytest.Username, workdaytest.Password, workday.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, answer := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) {
			workdaytest.SOAPFault(w, "SOAP-ENV:Client.authenticationError", "invalid username or password", "")
		},
		func(w http.ResponseWriter) { workdaytest.ValidationFault(w, "The period is closed.") },
	} {
		tenant.Next(func(w http.ResponseWriter, _ *http.Request) { answer(w) })
		_, err := client.Call(context.Background(), "Resource_Management", "Cancel_Supplier_Invoice", map[string]any{
			"Supplier_Invoice_Reference": map[string]any{"ID": map[string]any{"type": "WID", "_value_1": "0a1b"}},
		})
		fmt.Println(err)
	}
	// Output:
	// invalid username or password
	// Validation error occurred. The period is closed.
}

// The WSDL that a new tenant serves, for a tenant with services of your own.
func ExampleWSDL() {
	fmt.Println(bytes.Contains(workdaytest.WSDL(), []byte("Submit_Supplier_Invoice")))
	// Output: true
}
