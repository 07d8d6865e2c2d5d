package workday

import (
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/python/pyvalue"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum/rossumtest"
	"github.com/exportpipeline/exportpipeline/workday/internal/message"
)

func parsed(t *testing.T, text string) message.Tree {
	t.Helper()
	tree, err := message.ParseTree(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestManyErrorsOfAFaultAreShownInPartAndCounted(t *testing.T) {
	t.Parallel()
	one := `<Validation_Error><Message>m</Message><Xpath>/wd:Request[1]/wd:a[1]` + strings.Repeat(
		"/wd:b[1]",
		1000,
	) + `</Xpath></Validation_Error>`
	fault := parsed(t, `<Fault><faultcode>Client.validationError</faultcode><detail>`+strings.Repeat(one, maxShown+7)+`</detail></Fault>`)
	f := newFault(500, fault, pyvalue.NewDict().Value())
	if len(f.Errors) != maxShown+1 || !strings.Contains(f.Errors[maxShown].Message, "7 more errors") {
		t.Errorf("%d errors, the last: %v", len(f.Errors), f.Errors[len(f.Errors)-1])
	}
}

func TestTheNewObjectIsThatOfTheFirstReferenceWithAnID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<r><A_Reference/><B_Reference><ID type="WID">1</ID></B_Reference></r>`:                                                         "b 1",
		`<r><A_Reference/><A_Reference><ID type="WID">1</ID></A_Reference><B_Reference><ID type="WID">2</ID></B_Reference></r>`:         "b 2",
		`<r><A_Reference><ID type="WID">1</ID><ID type="X">2</ID></A_Reference></r>`:                                                    "a 2 (X), 1 (WID)",
		`<r xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:nil="true"><A_Reference><ID type="WID">1</ID></A_Reference></r>`:      " ",
		`<?xml version="1.0" encoding="ISO-8859-1"?><r><A_B_Reference><ID type="WID">` + "\xe9" + `<!-- --> 1</ID></A_B_Reference></r>`: "a b é 1",
	} {
		what, ids := newObject(message.NewAnswer(nil, parsed(t, text)))
		if got := what + " " + listIDs(ids); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestOnlyTheOutermostOfNestedElementsAreFound(t *testing.T) {
	t.Parallel()
	answer := message.NewAnswer(nil, parsed(t, `<r><E n="1"><E n="2"/></E><a><b><E n="3"/></b></a></r>`))
	var found []string
	answer.Find("E", func(e message.Answer) {
		n, _ := e.Decode().Dict().GetStr("n")
		found = append(found, n.Text())
	})
	if got := strings.Join(found, " "); got != "1 3" {
		t.Errorf("found %s", got)
	}
}

func TestTheWordsOfALongTextAreReadAsFarAsTheyFit(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"words": strings.Repeat("wrong ", 1<<20), "letters": strings.Repeat("é", 1<<20), "blanks": strings.Repeat(" ", 1<<21) + "x"} {
		_, cut := collapsed(text, maxRedacted)
		if want := name != "blanks"; cut != want {
			t.Errorf("%s: cut %t, want %t", name, cut, want)
		}
	}
	for text, want := range map[string]string{" a\t b\n": "a b", "abc def": "abc de", "": ""} {
		if got, _ := collapsed(text, 6); strings.TrimSpace(got) != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestAnIDThatIsTooLongForAMessageIsCut(t *testing.T) {
	t.Parallel()
	x, err := pipeline.NewExport(rossumtest.Annotation(rossumtest.Offline()).Payload())
	if err != nil {
		t.Fatal(err)
	}
	r := &run{x: x}
	long := strings.Repeat("x", 4<<20)
	if text := r.shownIDs([]objectID{{"WID", long}}); len(text) > maxMessage+len("…") {
		t.Errorf("%d bytes", len(text))
	}
	if text := r.shownIDs([]objectID{{"X", "a  b"}, {"WID", "1"}}); text != "a  b (X), 1 (WID)" {
		t.Errorf("got %q", text)
	}
}
