package workday_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
	"github.com/exportpipeline/exportpipeline/workday"
	"github.com/exportpipeline/exportpipeline/workday/workdaytest"
)

// ask calls the tenant from a program that has just started.
func ask(t *testing.T, w *workdaytest.Tenant, o workday.ClientOptions) {
	t.Helper()
	if _, err := client(t, w, o).Call(t.Context(), "Resource_Management", "Cancel_Supplier_Invoice", cancelBody); err != nil &&
		!strings.Contains(err.Error(), "Validation") {
		t.Error(err)
	}
}

func TestAWSDLIsKeptForTheNextStart(t *testing.T) {
	t.Parallel()
	w, dir := tenant(t), filepath.Join(t.TempDir(), "a", "b")
	for range 3 {
		ask(t, w, workday.ClientOptions{CacheDir: dir})
	}
	if w.WSDLRequests() != 1 {
		t.Errorf("the WSDL was fetched %d times", w.WSDLRequests())
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 1 {
		t.Errorf("the cache has %v", files)
	}
	ask(t, w, workday.ClientOptions{CacheDir: dir, WSDLLifetime: time.Nanosecond})
	if w.WSDLRequests() != 2 {
		t.Errorf("an old WSDL is used: %d requests", w.WSDLRequests())
	}
}

func TestFilesOfTheCacheThatAreOfNoUseArePassedOver(t *testing.T) {
	t.Parallel()
	first, dir := tenant(t), t.TempDir()
	ask(t, first, workday.ClientOptions{CacheDir: dir})
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty":           {},
		"cut":             good[:len(good)/2],
		"of another kind": []byte("<html>"),
		"of a later kind": bytes.Replace(good, []byte("WSDL 1\n"), []byte("WSDL 2\n"), 1),
		"one bit":         flipped(good, len(good)-100),
		"another address": bytes.Replace(good, []byte("Resource_Management"), []byte("Resource_Xanagement"), 1),
		"the time":        flipped(good, len("exportpipeline WSDL 1\n")+5),
		"too short":       good[:30],
	} {
		if err := os.WriteFile(files[0], content, 0o600); err != nil {
			t.Fatal(err)
		}
		before := first.WSDLRequests()
		ask(t, first, workday.ClientOptions{CacheDir: dir})
		ask(t, first, workday.ClientOptions{CacheDir: dir})
		if got := first.WSDLRequests() - before; got != 1 {
			t.Errorf("%s: fetched %d times, want once, and kept again", name, got)
		}
	}
}

// A whole file that is another address's, as after a copy, is of no use either.
func TestAFileOfTheCacheIsOnlyForTheAddressItNames(t *testing.T) {
	t.Parallel()
	var files [2]string
	tenants := [2]*workdaytest.Tenant{tenant(t), tenant(t)}
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for i, w := range tenants {
		ask(t, w, workday.ClientOptions{CacheDir: dirs[i]})
		found, _ := filepath.Glob(filepath.Join(dirs[i], "*"))
		if len(found) != 1 {
			t.Fatal(found)
		}
		files[i] = found[0]
	}
	foreign, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[1], foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ask(t, tenants[1], workday.ClientOptions{CacheDir: dirs[1]})
	}
	if got := tenants[1].WSDLRequests(); got != 2 {
		t.Errorf("the WSDL was fetched %d times, want once more for the foreign file", got)
	}
}

func flipped(data []byte, at int) []byte {
	out := bytes.Clone(data)
	out[at] ^= 1
	return out
}

func TestACacheThatCannotBeWrittenStopsNothing(t *testing.T) {
	t.Parallel()
	w := tenant(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := step(t, w)
	s.CacheDir = file
	r, err := export(t, s, invoice())
	if err != nil || r.Failed() {
		t.Errorf("%v %s", err, texts(r))
	}
}

func TestRegisteredStepsShareTheOptions(t *testing.T) {
	t.Parallel()
	registry := &organisation.Registry{}
	workday.Register(registry, workday.RegisterOptions{CacheDir: "cache"})
	_, of, ok := registry.Kind("https://elis.example/svc/workday/api/v1/export")
	if !ok {
		t.Fatal("the address is not known")
	}
	made, err := of(&rossum.Hook{Settings: json.RawMessage(`{"configurations": []}`)})
	if s, ok := made.(*workday.Step); err != nil || !ok || s.CacheDir != "cache" {
		t.Errorf("%+v, %v", made, err)
	}
}
