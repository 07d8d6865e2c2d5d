package main

import "os"

func Example() {
	if err := run(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// the ERP has ERP-1001, 2026-0042, submitted
	// error: The draft was not created.
	// info: These calls were made: POST https://erp.example/api/invoices (answered 409).
	// the ERP has ERP-1001, 2026-0042, submitted
}
