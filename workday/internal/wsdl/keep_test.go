package wsdl

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/exportpipeline/exportpipeline/internal/fuzzing"
)

func TestAKeptDocumentIsTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/wsdl/*.wsdl")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "../../workdaytest/Resource_Management.wsdl") {
		want, err := Parse(t.Context(), read(t, file), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Load(want.Append(nil))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if !reflect.DeepEqual(got.order, want.order) || !reflect.DeepEqual(got.Operations(), want.Operations()) {
			t.Errorf("%s: the declarations differ", file)
		}
		for _, key := range want.order {
			if key.kind != "element" {
				continue
			}
			a, err1 := describe(want, key)
			b, err2 := describe(got, key)
			if a != b || (err1 == nil) != (err2 == nil) {
				t.Errorf("%s: %s: %s, %v instead of %s, %v", file, key.name.Local, b, err2, a, err1)
			}
		}
		for _, name := range want.Operations() {
			a, err1 := want.Operation(name)
			b, err2 := got.Operation(name)
			if (err1 == nil) != (err2 == nil) || err1 == nil && (a.Address != b.Address || a.Action != b.Action || len(a.Inputs) != len(b.Inputs)) {
				t.Errorf("%s: operation %s: %+v, %v instead of %+v, %v", file, name, b, err2, a, err1)
			}
		}
	}
}

// describe shows the type of an element.
func describe(d *Document, key declared) (string, error) {
	e, err := d.Element(key.name)
	if err != nil {
		return "", err
	}
	typ, err := e.Type()
	if err != nil {
		return "", err
	}
	var keys []string
	if typ.Content != nil {
		keys = typ.Content.Keys()
	}
	for _, a := range typ.Attributes {
		keys = append(keys, a.Name.Space+" "+a.Key)
	}
	return e.Name.Space + " " + strings.Join(keys, ","), nil
}

func TestWhatIsNoKeptDocumentIsAnError(t *testing.T) {
	t.Parallel()
	d, err := Parse(t.Context(), []byte(head+`<x:element name="E" type="x:string"/>`+tail), Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept := d.Append(nil)
	for n := range kept {
		if _, err := Load(kept[:n]); err == nil {
			t.Fatalf("%d of %d bytes are taken for all", n, len(kept))
		}
	}
	if _, err := Load(append(kept, 0)); err == nil {
		t.Error("a byte too many is taken")
	}
}

func FuzzLoad(f *testing.F) {
	d, err := Parse(f.Context(), []byte(head+`<x:element name="E" type="x:string"/>`+tail), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.Append(nil))
	for path, text := range fuzzing.Files(f, "workday/testdata/wsdl/*.wsdl") {
		d, err := Parse(f.Context(), text, Options{})
		if err != nil {
			continue // it imports another one
		}
		f.Logf("%s", path)
		f.Add(d.Append(nil))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		d, err := Load(data)
		if err != nil {
			return
		}
		for _, key := range d.order { // an error is fine, a panic is not
			if e, err := d.Element(key.name); err == nil {
				_, _ = e.Type()
			}
		}
	})
}

func TestADamagedDocumentNeverPanics(t *testing.T) {
	t.Parallel()
	d, err := Parse(t.Context(), read(t, "../../testdata/wsdl/Models.wsdl"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	kept := d.Append(nil)
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		damaged := append([]byte(nil), kept...)
		for range 1 + r.IntN(5) {
			damaged[r.IntN(len(damaged))] = byte(r.IntN(256))
		}
		loaded, err := Load(damaged)
		if err != nil {
			continue
		}
		for _, name := range loaded.Operations() {
			_, _ = loaded.Operation(name)
		}
	}
}
