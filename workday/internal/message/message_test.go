package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/exportpipeline/exportpipeline/internal/jsontemplate"
	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/wsdl"
)

func request(t testing.TB) *wsdl.Operation {
	t.Helper()
	data, err := os.ReadFile("../../workdaytest/Resource_Management.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	d, err := wsdl.Parse(t.Context(), data, wsdl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	op, err := d.Operation("Submit_Supplier_Invoice")
	if err != nil {
		t.Fatal(err)
	}
	return op
}

func value(t testing.TB, text string) pyvalue.Value {
	t.Helper()
	c, err := jsontemplate.Compile([]byte(text), jsontemplate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.Render(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAllFaultsAreReportedTogetherAndBounded(t *testing.T) {
	t.Parallel()
	lines := strings.Repeat(`{"Quantity": "x"},`, 30)
	mapping := `{"Supplier_Invoice_Data": {"Memoo": 1, "Invoice_Line_Replacement_Data": [` + strings.TrimSuffix(lines, ",") + `]}}`
	_, err := Encode(t.Context(), request(t).Inputs, nil, value(t, mapping))
	var faults *Faults
	if !errors.As(err, &faults) || len(faults.List) != maxFaults || faults.More != 12 || !errors.Is(err, ErrMissing) {
		t.Errorf("error %v", err)
	}
}

// A text of the document may stand in each line, and grow when it is escaped.
func TestAMessageIsBoundedBeforeItIsMade(t *testing.T) {
	t.Parallel()
	line := pyvalue.NewDict()
	line.SetStr("Memo", pyvalue.Str(strings.Repeat("&", 10<<10)+strings.Repeat("x", 8<<20)))
	lines := make([]pyvalue.Value, 1000)
	for i := range lines {
		lines[i] = line.Value()
	}
	o := value(t, `{"Supplier_Invoice_Data": {}}`)
	data, _ := o.Dict().GetStr("Supplier_Invoice_Data")
	data.Dict().SetStr("Invoice_Line_Replacement_Data", pyvalue.NewList(lines...))
	_, err := Encode(t.Context(), request(t).Inputs, nil, o)
	var faults *Faults
	if !errors.As(err, &faults) || !strings.Contains(err.Error(), "Memo: the message takes more than 128 MB") {
		t.Errorf("error %.300v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Encode(ended, request(t).Inputs, nil, o); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the run: error %.300v", err)
	}
}

func TestAFileIsEncodedWhileItIsRead(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2, 3, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 2} {
		file := bytes.Repeat([]byte("ab\x00"), size/3+1)[:size]
		o := value(t, `{"Supplier_Invoice_Data": {"Company_Reference": {}, "Attachment_Data": {}}}`)
		inner, _ := o.Dict().GetStr("Supplier_Invoice_Data")
		attachment, _ := inner.Dict().GetStr("Attachment_Data")
		attachment.Dict().SetStr("File_Content", pyvalue.Bytes(file))
		m, err := Encode(t.Context(), request(t).Inputs, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Body.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(iotest.HalfReader(r))
		if err != nil || int64(len(data)) != m.Body.Size() {
			t.Errorf("%d bytes, %v, said %d", len(data), err, m.Body.Size())
		}
		again, err := m.Body.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(again, data); err != nil {
			t.Error(err)
		}
	}
}

func TestAReplyIsReadByItsSchema(t *testing.T) {
	t.Parallel()
	op := request(t)
	for text, want := range map[string]string{
		`<r:Submit_Supplier_Invoice_Response xmlns:r="urn:com.workday/bsvc" r:version="v1"><r:Supplier_Invoice_Reference r:Descriptor="D"><r:ID r:type="WID">1</r:ID></r:Supplier_Invoice_Reference></r:Submit_Supplier_Invoice_Response>`: `{"version":"v1","Supplier_Invoice_Reference":{"Descriptor":"D","ID":[{"type":"WID","_value_1":"1"}]}}`,
		`<r:Submit_Supplier_Invoice_Response xmlns:r="urn:com.workday/bsvc"><r:New a="1">x</r:New><r:New/></r:Submit_Supplier_Invoice_Response>`:                                                                                           `{"New":[{"a":"1","_value_1":"x"},""]}`,
	} {
		tree, err := ParseTree(t.Context(), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := jsontemplate.AppendJSON(t.Context(), nil, Decode(op.Output, tree))
		if err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

func TestValidateFindsWhatASchemaForbids(t *testing.T) {
	t.Parallel()
	op := request(t)
	for inner, want := range map[string]string{
		`<d><Company_Reference/></d>`: "",
		`<d/>`:                        "Company_Reference is missing",
		`<d><Company_Reference/><Memo>a</Memo><Due/></d>`:                         "Due is not expected here",
		`<d><Memo>a</Memo><Company_Reference/></d>`:                               "Company_Reference is missing",
		`<d><Company_Reference><ID>x</ID></Company_Reference></d>`:                "attribute type is missing",
		`<d><Company_Reference/><Invoice_Date>1</Invoice_Date></d>`:               "is not a date",
		`<d><Company_Reference/><Invoice_Date>2026-01-01</Invoice_Date>text</d>`:  "holds a text",
		`<d x="1"><Company_Reference/></d>`:                                       "attribute x is not expected",
		`<d><Company_Reference/><Memo><b/></Memo></d>`:                            "holds elements instead of a text",
		`<d><Company_Reference/><Supplier_Reference/><Supplier_Reference/></d>`:   "Supplier_Reference is not expected here",
		`<d><Company_Reference/><Contingent_Worker_Reference/><Memo>m</Memo></d>`: "",
	} {
		inner = strings.NewReplacer("<d", "<Supplier_Invoice_Data", "</d", "</Supplier_Invoice_Data").Replace(inner)
		tree, err := ParseTree(t.Context(), []byte(`<Submit_Supplier_Invoice_Request xmlns="urn:com.workday/bsvc">`+inner+`</Submit_Supplier_Invoice_Request>`))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(Validate(op.Inputs[0].Element, tree))
		if want == "" && got != "[]" || !strings.Contains(got, want) {
			t.Errorf("%s\ngot %s, want %q", inner, got, want)
		}
	}
}

func FuzzParseTree(f *testing.F) {
	f.Add([]byte(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>a:b</faultcode></e:Fault></e:Body></e:Envelope>`))
	f.Add([]byte(`<r:Submit_Supplier_Invoice_Response xmlns:r="urn:com.workday/bsvc" r:version="v1"><r:Supplier_Invoice_Reference><r:ID r:type="WID">1</r:ID></r:Supplier_Invoice_Reference></r:Submit_Supplier_Invoice_Response>`))
	op := request(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := ParseTree(t.Context(), data)
		if err != nil {
			return
		}
		if _, err := jsontemplate.AppendJSON(t.Context(), nil, Decode(op.Output, tree)); err != nil {
			t.Error(err)
		}
		Validate(op.Inputs[0].Element, tree)
	})
}

// FuzzEncode checks that whatever is written can be read, and fits the schema.
func FuzzEncode(f *testing.F) {
	f.Add(`{"Supplier_Invoice_Data": {"Company_Reference": {"ID": [{"type": "a", "_value_1": "b"}]}, "Memo": "<&>\r\n", "Submit": "0"}}`)
	f.Add(`{"Add_Only": 1, "Supplier_Invoice_Data": {"Company_Reference": {}, "Use_Default_Supplier_Connection": false, "Attachment_Data": [{"Filename": "\"\t"}]}}`)
	op := request(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := jsontemplate.Compile([]byte(text), jsontemplate.Options{})
		if err != nil {
			return
		}
		v, err := c.Render(t.Context(), nil)
		if err != nil {
			return
		}
		m, err := Encode(t.Context(), op.Inputs, nil, v)
		if err != nil {
			return
		}
		r, err := m.Body.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := ParseTree(t.Context(), []byte("<x"+m.Namespaces+">"+string(data)+"</x>"))
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if problems := Validate(op.Inputs[0].Element, tree.FirstChild()); len(problems) > 0 {
			t.Errorf("%v in %s", problems, data)
		}
	})
}
