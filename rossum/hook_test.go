package rossum_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
	"github.com/exportpipeline/exportpipeline/rossum"
)

func TestAKeyOfTheWrongTypeDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	h, err := rossum.ParseHook([]byte(`{
 "id": 5, "name": 7, "type": "webhook", "active": "yes",
 "events": "annotation_content.export",
 "queues": ["https://acme.rossum.app/api/v1/queues/1", 2, null],
 "run_after": {"hook": 3},
 "settings": [],
 "config": {"url": 1, "timeout_s": -3, "retry_count": 1.5, "code": null, "secret": {"canary": 1}},
 "sideload": null
}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range h.Faults {
		line, _ := h.Position(f.Place)
		got = append(got, fmt.Sprintf("%d %s %s", line, f.Place, f))
	}
	want := `2 active is a string, expected true or false
7 config.retry_count is a number, expected a whole number
7 config.secret is an object, expected a string
7 config.timeout_s -3 is not between 0 and 86400
7 config.url is a number, expected a string
3 events is a string, expected a list of strings
2 name is a number, expected a string
4 queues[1] is a number, expected a string
4 queues[2] is null, expected a string
5 run_after is an object, expected a list of strings
6 settings is a list, expected an object`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if h.Name != "hook 5" || len(h.Queues) != 1 || !h.Unreadable("queues") || !h.Unreadable("config") || h.Unreadable("sideload") ||
		h.Unreadable("confi") {
		t.Errorf("%+v", h)
	}
}

func TestANumberThatIsNoTimeoutIsAFault(t *testing.T) {
	t.Parallel()
	for _, timeout := range []string{"-3", "1e300", `"30"`, "true"} {
		h, err := rossum.ParseHook([]byte(`{"id":5,"config":{"timeout_s":` + timeout + `}}`))
		if err != nil || len(h.Faults) != 1 || h.Timeout() != rossum.DefaultHookTimeout {
			t.Errorf("%s: %v %+v", timeout, err, h)
		}
	}
}

func FuzzParseHook(f *testing.F) {
	f.Add([]byte(`{"id":1,"name":"x","events":["a"],"run_after":[1],"config":{"url":"u","timeout_s":1}}`))
	f.Add([]byte(`{"url":"https://acme.rossum.app/api/v1/hooks/3","config":[],"settings":null}`))
	for _, data := range fuzzing.Hooks(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := rossum.ParseHook(data)
		if err != nil {
			return
		}
		if h.ID <= 0 || h.Name == "" || h.Timeout() < 0 {
			t.Errorf("%+v", h)
		}
		for _, f := range h.Faults {
			if line, _ := h.Position(f.Place); line < 1 || f.Place == "" || f.Msg == "" {
				t.Errorf("line %d of %+v", line, f)
			}
		}
	})
}

func TestAPayloadForAnotherHookCarriesThatHooksSettings(t *testing.T) {
	t.Parallel()
	p, err := rossum.ParsePayload(
		[]byte(`{"hook":"h/1","settings":{"a":1},"secrets":{"k":"canary"},"event":"e","annotation":{"id":1,"content":[]}}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	own := p.ForHook("h/2", nil, rossum.Secrets{"k": "other"})
	data, err := own.AppendJSON(nil)
	if want := `{"annotation":{"id":1,"content":[]},"event":"e","hook":"h/2","settings":{}}`; err != nil || string(data) != want {
		t.Errorf("got  %s\nwant %s\n%v", data, want, err)
	}
	if own.Hook != "h/2" || own.Secrets["k"] != "other" || string(own.Raw("settings")) != "{}" || string(own.Raw("hook")) != `"h/2"` ||
		own.Annotation != p.Annotation {
		t.Errorf("%+v", own)
	}
	if p.Hook != "h/1" || string(p.Raw("settings")) != `{"a":1}` || p.Secrets["k"] != "canary" {
		t.Errorf("the payload has changed")
	}
	byHand := (&rossum.Payload{}).ForHook("h/2", []byte(`{"b":2}`), nil)
	if data, err := byHand.AppendJSON(nil); err != nil || string(data) != `{"hook":"h/2","settings":{"b":2}}` {
		t.Errorf("%s %v", data, err)
	}
}

func TestAListOfHooksIsNotTakenForAHook(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"pagination":{"next":null},"results":[{"id":7}]}`: `reading a hook: it is a page of a list; read each object of its "results" on its own`,
		` [{"id":7}]`: "reading a hook: it is a list, not a JSON object; read each of its objects on its own",
		`null`:        "reading a hook: it is not a JSON object",
		`{"id":null}`: `reading a hook: key "id" is missing`,
	} {
		if _, err := rossum.ParseHook([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", in, err, want)
		}
	}
}
