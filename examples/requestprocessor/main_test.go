package main

import "os"

func Example() {
	if err := run(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// export 1:
	//   create_status becomes {"content":{"value":"201"}}
	//   erp_id becomes {"content":{"value":"ERP-1001"}}
	//   erp_state becomes {"content":{"value":"submitted"}}
	//   stages[0].call_api[0].priority_response_handlers[0] is passed over: response.ok is true, which is not $eq false
	// export 2:
	//   error: The ERP has not taken the invoice.
	//   info: These calls were made: POST https://erp.example/api/invoices (stages[0].call_api[0]) (answered 409).
	//   erp_error becomes {"content":{"value":"2026-0042 is already invoice ERP-1001"}}
	//   create_status becomes {"content":{"value":"409"}}
	//   stages[0].call_api[0] (create): the API answered with status 409, which by itself does not fail the export: {"errors":{"number":["2026-0042 is already invoice ERP-1001"]}}
	//   stages[0].call_api[0].response_handlers[1]: $jmespath "id" finds nothing in response.body (status 409, application/json); erp_id is emptied
	//   skipped stages[1]: stages[1].evaluate[0] (created): field.create_status.value is "409", which is not $in ["200", "201"]
	//   stages[2].evaluate[0]: property.upload_status counts as null: there is no such value: property.upload_status was not set in this run; the stage that sets it may have been skipped, or its call may have failed
	//   skipped stages[2]: stages[2].evaluate[0] (uploaded): property.upload_status is null, which is not $eq 201
	// the ERP got POST /oauth/token
	// the ERP got POST /api/invoices
	// the ERP got POST /api/invoices/ERP-1001/attachments
	// the ERP got POST /api/invoices/ERP-1001/submit
	// the ERP got POST /api/invoices
	// the ERP has ERP-1001, 2026-0042, submitted with invoice.pdf
}
