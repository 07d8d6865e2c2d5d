package workday

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
)

// FaultKind says what a fault is about.
type FaultKind string

// The kinds.
const (
	FaultAuthentication FaultKind = "authentication" // name, password, or an address that is not allowed in
	FaultValidation     FaultKind = "validation"     // what was sent is refused
	FaultProcessing     FaultKind = "processing"     // among others: the user may not call the operation
	FaultUnknown        FaultKind = "unknown"
)

// Fault is a SOAP fault: Workday refused the call.
type Fault struct {
	Kind   FaultKind
	Status int    // of HTTP
	Code   string // without its prefix, such as Client.validationError
	Text   string // Workday's faultstring
	Detail string // that stands beside the errors, "" if there is none
	Errors []ValidationError
}

// ValidationError is one thing that Workday finds wrong. Parts that Workday left
// out are "".
type ValidationError struct {
	Message string
	Detail  string
	XPath   string // in the request
	// Path is where the value stands in the mapping, as far as the XPath can be
	// followed, such as Supplier_Invoice_Data.Invoice_Line_Replacement_Data[1].Quantity.
	Path string

	path message.Path
}

func (e ValidationError) String() string {
	return e.withPlace("Workday gives no reason")
}

// withPlace returns what Workday says of the error, or something else if that is
// nothing, and where the value stands.
func (e ValidationError) withPlace(instead string) string {
	text := joined(e.Message, e.Detail)
	if text == "" {
		text = instead
	}
	switch {
	case e.Path != "":
		return text + " (" + e.Path + ")"
	case e.XPath != "":
		return text + " (" + e.XPath + ")"
	}
	return text
}

// joined puts a detail after a text, unless one of them says what the other does.
func joined(text, detail string) string {
	switch {
	case strings.Contains(text, detail):
		return text
	case strings.Contains(detail, text):
		return detail
	}
	return text + " " + detail
}

// says returns the text and the detail of the fault, without its validation errors.
func (f *Fault) says() string {
	if text := joined(f.Text, f.Detail); text != "" {
		return text
	}
	return "fault " + f.Code
}

// hint says what to do about a fault of a kind that is not known, "" for the others, whose
// texts say it.
func (f *Fault) hint() string {
	if f.Kind != FaultUnknown {
		return ""
	}
	code := ""
	if f.Code != "" {
		code = " Workday's fault code is " + f.Code + "."
	}
	return code + " Check in Workday whether the document was created before you export again, and ask your Workday administrator about the fault."
}

// Error returns what Workday says.
func (f *Fault) Error() string {
	text := f.says()
	for _, e := range f.Errors {
		text += "\n" + e.String()
	}
	return text
}

// maxShown is how many errors or remarks of one reply are shown.
const maxShown = 100

// newFault reads a SOAP fault; mapping is what was sent.
func newFault(status int, t message.Tree, mapping pyvalue.Value) *Fault {
	code := t.ChildText("faultcode")
	f := &Fault{Status: status, Code: code[strings.LastIndexByte(code, ':')+1:], Text: t.ChildText("faultstring"), Kind: FaultUnknown}
	lower := strings.ToLower(f.Code)
	detail := t.Child("detail")
	more := 0
	for e := range detail.Find("Validation_Error") {
		if len(f.Errors) == maxShown {
			more++
			continue
		}
		v := ValidationError{Message: e.ChildText("Message"), Detail: e.ChildText("Detail_Message"), XPath: e.ChildText("Xpath")}
		v.path = pathOf(v.XPath, mapping)
		v.Path = v.path.String()
		f.Errors = append(f.Errors, v)
	}
	if more > 0 {
		f.Errors = append(f.Errors, ValidationError{Message: fmt.Sprintf("Workday finds %d more errors, which are left out here.", more)})
	}
	processing := detail.Child("Processing_Fault")
	f.Detail = processing.ChildText("Detail_Message")
	if f.Detail == "" {
		f.Detail = detail.Child("Validation_Fault").ChildText("Detail_Message")
	}
	switch {
	case strings.Contains(lower, "authentication") || lower == "failedauthentication" || lower == "invalidsecurity":
		f.Kind = FaultAuthentication
	case strings.Contains(lower, "validation") || len(f.Errors) > 0:
		f.Kind = FaultValidation
	case strings.Contains(lower, "processing") || processing.Exists():
		f.Kind = FaultProcessing
	}
	return f
}

// pathOf follows an XPath such as /wd:Request[1]/wd:Data[1]/wd:Line[2]/@wd:type
// through what was sent, as far as it goes.
func pathOf(xpath string, mapping pyvalue.Value) message.Path {
	var path message.Path
	v := mapping
	_, below, _ := strings.Cut(strings.Trim(xpath, "/"), "/") // the first is the request itself
	for part := range strings.SplitSeq(below, "/") {
		name, position := splitStep(part)
		o := v.Dict()
		if o == nil {
			return path
		}
		if v, _ = o.GetStr(name); v.IsNone() {
			return path
		}
		path = append(path, message.Step{Key: name})
		if list, isList := v.Items(); isList {
			at := nth(list, position)
			if at < 0 {
				return path
			}
			path = append(path, message.Step{Index: at})
			v = list[at]
		}
	}
	return path
}

// nth returns the index of the list's element that became the nth XML element:
// null is not sent.
func nth(list []pyvalue.Value, position int) int {
	for i, v := range list {
		if v.IsNone() {
			continue
		}
		if position--; position == 0 {
			return i
		}
	}
	return -1
}

// splitStep takes wd:Line[2] apart.
func splitStep(part string) (name string, position int) {
	name, rest, _ := strings.Cut(part, "[")
	name = strings.TrimPrefix(name, "@")
	name = name[strings.LastIndexByte(name, ':')+1:]
	position, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
	if err != nil || position < 1 {
		position = 1
	}
	return name, position
}
