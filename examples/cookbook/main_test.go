package main

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func Example_netSuite() {
	play("netsuite")
	// Output:
	// netsuite, first export:
	//   PUT /services/rest/record/v1/vendorBill/eid:rossum-314528?… → 204
	//   info: NetSuite has 2026/O'Hara-42 as 6001.
	// netsuite, exported again:
	//   PUT /services/rest/record/v1/vendorBill/eid:rossum-314528?… → 204
	//   info: NetSuite has 2026/O'Hara-42 as 6001.
	// it holds bill 6001: 2026/O'Hara-42 with 2 lines
}

func Example_sapOData() {
	play("sap-odata")
	// Output:
	// sap-odata, first export:
	//   GET /sap/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice?… → 200
	//   POST /sap/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice → 201
	//   info: SAP has 2026/O'Hara-42 as 5105600101.
	// sap-odata, exported again:
	//   GET /sap/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV/A_SupplierInvoice?… → 200
	//   info: SAP had 2026/O'Hara-42 already, as 5105600101.
	// it holds invoice 5105600101: 2026/O'Hara-42 of 10300042, 1018.50 with 2 lines
}

func Example_sapIDoc() {
	play("sap-idoc")
	// Output:
	// sap-idoc, first export:
	//   PUT /interface/invoic/in/invoic_314528.xml
	// sap-idoc, exported again:
	//   PUT /interface/invoic/in/invoic_314528.xml
	// it holds IDoc of 2026/O'Hara-42, reference 314528, with 2 items, the last one "Entsorgung & Rücknahme"
	// it holds IDoc of 2026/O'Hara-42, reference 314528, with 2 items, the last one "Entsorgung & Rücknahme", status 51: check if invoice already entered
}

func Example_dynamics() {
	play("dynamics")
	// Output:
	// dynamics, first export:
	//   POST /6f1c5d0e-0000-4000-8000-00000000c0de/oauth2/v2.0/token → 200
	//   POST /api/data/v9.2/$batch → 200
	//   POST /6f1c5d0e-0000-4000-8000-00000000c0de/oauth2/v2.0/token → 200
	//   GET /api/data/v9.2/contoso_supplierinvoices?… → 200
	//   info: Dynamics has 2026/O'Hara-42 as 00000000-0000-4000-8000-000000000001.
	// dynamics, exported again:
	//   POST /api/data/v9.2/$batch → 412
	//   GET /api/data/v9.2/contoso_supplierinvoices?… → 200
	//   info: Dynamics had 2026/O'Hara-42 already, as 00000000-0000-4000-8000-000000000001.
	// it holds invoice 00000000-0000-4000-8000-000000000001: 2026/O'Hara-42 of V0042 with 2 lines
}

func Example_coupa() {
	play("coupa")
	// Output:
	// coupa, first export:
	//   POST /oauth2/token → 200
	//   POST /api/invoices → 201
	//   POST /oauth2/token → 200
	//   PUT /api/invoices/9001/image_scan → 200
	//   POST /oauth2/token → 200
	//   POST /api/invoices/9001/attachments → 201
	//   POST /oauth2/token → 200
	//   PUT /api/invoices/9001/submit → 200
	//   info: Coupa has 2026/O'Hara-42 as 9001.
	// coupa, exported again:
	//   POST /api/invoices → 400
	//   error: Coupa has not taken 2026/O'Hara-42 (status 400): Invoice number has already been taken
	//   info: These calls were made: POST https://acme.coupahost.com/api/invoices (answered 400).
	// it holds invoice 9001: 2026/O'Hara-42, pending_approval, scan O'Hara-42.pdf, attachments [O'Hara-42.json]
}

func Example_fileERP() {
	play("file-erp")
	// Output:
	// file-erp, first export:
	//   PUT /in/invoices/INV_314528.csv
	//   PUT /in/invoices/INV_314528.pdf
	//   PUT /in/invoices/INV_314528.done
	// file-erp, exported again:
	//   PUT /in/invoices/INV_314528.csv
	//   PUT /in/invoices/INV_314528.pdf
	//   PUT /in/invoices/INV_314528.done
	// it holds 2026/O'Hara-42 of V0042 with 2 lines, the last one "Entsorgung & Rücknahme"
	// it holds INV_314528.csv a second time, which is passed over
}

func play(name string) {
	if err := run(os.Stdout, name); err != nil {
		panic(err)
	}
}

func TestAnUnknownRecipeIsNamed(t *testing.T) {
	t.Parallel()
	const want = `unknown recipe "oracle"; the recipes are netsuite, sap-odata`
	if err := run(&strings.Builder{}, "oracle"); err == nil || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
}

// A fake that takes anything would prove nothing: without its habit each recipe fails.
func TestEachSystemInsistsOnItsHabits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ recipe, hook, old, changed, want string }{
		{"netsuite", "Upsert bill", `HMAC-SHA256`, `HMAC-SHA1`, "not signed with HMAC-SHA256"},
		{"netsuite", "Upsert bill", `1234567_SB1`, `1234567-sb1`, "The realm is not the account."},
		{"netsuite", "Upsert bill", `"replace": "expense"`, `"other": "expense"`, "6001: 2026/O'Hara-42 with 4 lines"},
		{"sap-odata", "Post invoice", `"Cookie"`, `"X-Cookie"`, "(status 403)"},
		{"sap-odata", "Post invoice", `"x-csrf-token": "Fetch"`, `"x-csrf-token": "no"`, "(status 403)"},
		{"sap-odata", "Post invoice", `"property.found": {
                "$size": 0`, `"property.found": {
                "$size": {"$gte": 0}`, "it holds invoice 5105600102"},
		{"sap-odata", "Invoice JSON", `T00:00:00`, ``, "Malformed request."},
		{"sap-odata", "Invoice JSON", `{{ field.amount_total|tojson }}`, `{{ field.amount_total }}`, "Malformed request."},
		{"sap-idoc", "IDoc", `(item.item_description|truncate(70, true, \"\"))|e`, `item.item_description`, "status 60"},
		{"sap-idoc", "IDoc", `'%010d'|format(field.sap_supplier|int)`, `field.sap_supplier`, "status 56"},
		{"dynamics", "Batch", `\"\\r\\n\"`, `\"\\n\"`, "(status 400)"},
		{"dynamics", "Batch", `"Content-ID: 1",`, ``, "(status 400)"},
		{"dynamics", "Send batch", `/.default`, ``, "status 401"},
		{"coupa", "Create draft", `"Accept": "application/json",`, ``, "cannot be read as JSON"},
		{"coupa", "Create draft", `"scope"`, `"other"`, "status 401"},
		{"coupa", "Attach invoice data", `"Internal"`, `"Private"`, "but not its attachment (status 400)"},
		{"file-erp", "Drop files", `INV_{annotation.id}.done`, `A_{annotation.id}.ready`, "holds nothing"},
		{"file-erp", "Files", `"content_encoding": "windows-1252"`, `"content_encoding": "utf-8"`, "RÃ¼cknahme"},
	} {
		t.Run(tt.recipe+" "+tt.want, func(t *testing.T) {
			t.Parallel()
			got := playChanged(t, tt.recipe, func(file, text string) string {
				if !strings.HasPrefix(path.Base(file), tt.hook+"_") || path.Ext(file) != ".json" {
					return text
				}
				if !strings.Contains(text, tt.old) {
					t.Fatalf("%s has no %s", file, tt.old)
				}
				return strings.ReplaceAll(text, tt.old, tt.changed)
			})
			if !strings.Contains(got, tt.want) {
				t.Errorf("%q is missing in\n%s", tt.want, got)
			}
		})
	}
}

func TestAMarkerThatComesBeforeItsFilesIsNoticed(t *testing.T) {
	t.Parallel()
	got := playChanged(t, "file-erp", func(file, text string) string {
		return strings.NewReplacer(`.done"`, `.csv"`, `INV_{annotation.id}.csv"`, `INV_{annotation.id}.done"`,
			`"export_reference_key": "csv",
              "filename`, `"export_reference_key": "done",
              "filename`, `"export_reference_key": "done",
              "filename`, `"export_reference_key": "csv",
              "filename`).Replace(text)
	})
	if !strings.Contains(got, "the marker was there before INV_314528.csv") {
		t.Error(got)
	}
}

// playChanged plays a recipe whose files are changed on the way.
func playChanged(t *testing.T, name string, change func(file, text string) string) string {
	t.Helper()
	changed := make(fstest.MapFS)
	err := fs.WalkDir(folders, name, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := folders.ReadFile(file)
		changed[strings.TrimPrefix(file, name+"/")] = &fstest.MapFile{Data: []byte(change(file, string(data)))}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, r := range recipes {
		if r.name != name {
			continue
		}
		if err := r.playFolder(&out, changed); err != nil {
			out.WriteString(err.Error())
		}
	}
	return out.String()
}

func TestTheProbeOfCoupaFindsTheInvoiceOfALostAnswer(t *testing.T) {
	t.Parallel()
	target, err := startCoupa()
	if err != nil {
		t.Fatal(err)
	}
	client, server := target.hosts.serve()
	defer server.Close()
	defer client.CloseIdleConnections()
	question := pipeline.Question{URL: "https://acme.coupahost.com/api/invoices"}
	ask := func(number string) (answer *pipeline.Reply, there bool) {
		probe := coupaProbe(func(context.Context) (string, error) { return coupaToken, nil })
		step := pipeline.StepFunc(func(ctx context.Context, x *pipeline.Export) (err error) {
			answer, there, err = probe(ctx, x, question)
			return err
		})
		chain, err := pipeline.New(step)
		if err != nil {
			t.Fatal(err)
		}
		call := rossumtest.Annotation(rossumtest.Offline(), rossumtest.Field("document_id", number))
		if _, err = chain.Export(t.Context(), call.Payload(), pipeline.WithHTTPClient(client)); err != nil {
			t.Fatal(err)
		}
		return answer, there
	}
	if _, there := ask("7"); there {
		t.Error("there is an invoice before one is made")
	}
	req, err := http.NewRequest(http.MethodPost, question.URL, strings.NewReader(`{"invoice-number": "7"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + coupaToken}, "Accept": {"application/json"}}
	resp, err := client.Do(req) // whose answer is lost
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	answer, there := ask("7")
	if !there || answer.Status != http.StatusCreated || !strings.Contains(string(answer.Body), `"id":9001`) {
		t.Errorf("%v, %+v", there, answer)
	}
}
