package native_test

import (
	"fmt"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum/native"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
)

func Example() {
	p := rossumtest.Annotation(
		rossumtest.Field("document_id", "2026-17"),
		rossumtest.Date("date_issue", "20. 11. 2026", "2026-11-20"),
		rossumtest.Table("line_items",
			rossumtest.Row("item_description", "Bolt, M8", "item_quantity", "2"),
			rossumtest.Row("item_description", "Nut", "item_quantity", "5"),
		),
	).Payload()
	options := native.Options{PrependColumns: []string{"meta_file_name"}, Delimiter: ';'}
	var out strings.Builder
	if err := native.Write(&out, native.FormatCSV, options, p); err != nil {
		fmt.Println(err)
	}
	fmt.Print(strings.ReplaceAll(out.String(), "\r\n", "\n"))
	// Output:
	// meta_file_name;document_id;date_issue;item_description;item_quantity
	// invoice.pdf;2026-17;2026-11-20;Bolt, M8;2
	// invoice.pdf;2026-17;2026-11-20;Nut;5
}

func ExampleFormats() {
	for _, f := range native.Formats() {
		fmt.Println(f, f.ContentType())
	}
	// Output:
	// csv text/csv; charset=utf-8
	// xml application/xml; charset=utf-8
	// json application/json
	// xlsx application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
}

func ExampleMetaColumns() {
	fmt.Println(native.MetaColumns())
	// Output: [meta_arrived_at meta_file meta_file_name meta_status meta_url meta_automated meta_modified_at meta_assigned_at]
}
