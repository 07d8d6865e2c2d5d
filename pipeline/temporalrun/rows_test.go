package temporalrun_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/folderledger"
	"github.com/exportpipeline/exportpipeline/pipeline/temporalrun/temporaltest"
)

// serving is a replica of this process, and its address.
func serving(t *testing.T, p plan) (*replica, string) {
	t.Helper()
	r := p.replica(t)
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return r, s.URL
}

func TestAnExportThatEndsInTimeIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	e := newERP(t, false)
	_, address := serving(t, planned(t, e, "abf"))
	call := invoice()
	for range 2 { // the second one gets the answer of the first
		status, _, answer := ask(t, address, call)
		want := "info: a: " + canaryReply + " /a\ninfo: b: " + canaryReply + " /b\ninfo: f: " + canaryReply + " /f"
		if status != http.StatusOK || texts(answer) != want || len(answer.Operations) != 1 {
			t.Errorf("%d %s, %d operations", status, texts(answer), len(answer.Operations))
		}
	}
	if got := e.count(); got != "/a:1 /b:1 /f:1" {
		t.Error(got)
	}
}

func TestASlowExportIsPolledAtAnyReplica(t *testing.T) {
	t.Parallel()
	e := newERP(t, false, "/b")
	p := planned(t, e, "ab")
	p.After = time.Second
	_, one := serving(t, p)
	_, two := serving(t, p)
	call := invoice()
	status, location, _ := ask(t, one, call)
	again, same, _ := ask(t, two, call)
	if status != http.StatusAccepted || again != status || location != same {
		t.Fatalf("%d %s, %d %s", status, location, again, same)
	}
	e.release()
	if answer := poll(t, two, location); answer.Failed() || len(answer.Messages) != 2 {
		t.Error(texts(answer))
	}
	if got := e.count(); got != "/a:1 /b:1" {
		t.Error(got)
	}
}

func TestTheRepeatsOfThePlatformAreOneExport(t *testing.T) {
	t.Parallel()
	e := newERP(t, false)
	p := planned(t, e, "abc")
	_, one := serving(t, p)
	_, two := serving(t, p)
	call := invoice()
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if status, _, answer := ask(t, []string{one, two}[i%2], call); status != http.StatusOK || len(answer.Messages) != 3 || answer.Failed() {
				t.Errorf("%d %s", status, texts(answer))
			}
		})
	}
	all.Wait()
	if got := e.count(); got != "/a:1 /b:1 /c:1" {
		t.Error(got)
	}
}

func TestAStepThatFailsStaysFailed(t *testing.T) {
	t.Parallel()
	e := newERP(t, false)
	e.status.Store(http.StatusUnprocessableEntity)
	_, address := serving(t, planned(t, e, "abf"))
	call := invoice()
	for range 2 {
		status, _, answer := ask(t, address, call)
		if want := "the ERP answers 422"; status != http.StatusOK || !answer.Failed() || !strings.Contains(texts(answer), want) {
			t.Errorf("%d %s", status, texts(answer))
		}
	}
	if got := e.count(); got != "/a:1 /f:1" { // the last step runs whatever happened
		t.Error(got)
	}
}

func TestAnExportThatTakesTooLongFails(t *testing.T) {
	t.Parallel()
	e := newERP(t, false, "/a")
	p := planned(t, e, "abf")
	p.Timeout = 2 * time.Second
	_, address := serving(t, p)
	status, _, answer := ask(t, address, invoice())
	if want := "the export took longer than 2s"; status != http.StatusOK || !strings.Contains(texts(answer), want) {
		t.Errorf("%d %s, want %s", status, texts(answer), want)
	}
	if got := e.count(); got != "/a:1 /f:1" && got != "/a:1" {
		t.Error(got)
	}
}

func TestAWorkerRunsSoManyStepsAtOnce(t *testing.T) {
	t.Parallel()
	e := newERP(t, false, "/a")
	p := planned(t, e, "a")
	p.After, p.AtOnce = -1, 2
	_, address := serving(t, p)
	var locations []string
	for range 4 {
		_, location, _ := ask(t, address, invoice())
		locations = append(locations, location)
	}
	for range p.AtOnce {
		<-e.at
	}
	time.Sleep(time.Second)
	if n := len(e.at); n != 0 {
		t.Errorf("%d more steps run at the same time", n)
	}
	e.release()
	for _, location := range locations {
		if answer := poll(t, address, location); answer.Failed() {
			t.Error(texts(answer))
		}
	}
}

// A worker is killed in the middle of a step, when the ERP has acted and not answered.
func TestAStepWhoseWorkerIsKilledGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		honours bool
		want    string // in the answer
		count   string
	}{
		"with keys":    {true, "info: c: " + canaryReply, "/a:1 /b:1 /c:1"},
		"without them": {false, "/b?", "/a:1 /b:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t, tt.honours, "/b")
			p := planned(t, e, "abc")
			p.Queue = strings.ReplaceAll(p.Queue, "/", "-")
			p.After = time.Second
			victim := p.process(t)
			call := invoice()
			status, location, _ := ask(t, victim.address, call)
			if status != http.StatusAccepted {
				t.Fatal(status)
			}
			<-e.at
			victim.kill()
			_, heir := serving(t, p)
			e.release()
			answer := poll(t, heir, location)
			if !strings.Contains(texts(answer), tt.want) || answer.Failed() == tt.honours {
				t.Errorf("%s, want %s", texts(answer), tt.want)
			}
			if got := e.count(); got != tt.count {
				t.Errorf("%s, want %s", got, tt.count)
			}
		})
	}
}

// A process is killed between two steps: the ledger knows of the end of the first, and Temporal
// does not.
func TestAStepThatTemporalDoesNotKnowTheEndOfIsNotRunAgain(t *testing.T) {
	t.Parallel()
	server := temporaltest.New(t)
	e := newERP(t, false, "/a")
	p := planned(t, e, "abc")
	p.Temporal, p.After = server.Address(), time.Second
	victim := p.process(t)
	status, location, _ := ask(t, victim.address, invoice())
	if status != http.StatusAccepted {
		t.Fatal(status)
	}
	<-e.at
	must(t, server.Kill())
	e.release()
	ledger, err := folderledger.Open(p.Folder, folderledger.Options{})
	must(t, err)
	t.Cleanup(func() { _ = ledger.Close() })
	for left := false; !left; time.Sleep(50 * time.Millisecond) {
		for range ledger.Find(t.Context(), pipeline.RunQuery{State: pipeline.RunAbandoned}) {
			left = true
		}
	}
	victim.kill()
	must(t, server.StartAgain())
	_, heir := serving(t, p)
	if answer := poll(t, heir, location); answer.Failed() || len(answer.Messages) != 3 {
		t.Error(texts(answer))
	}
	if got := e.count(); got != "/a:1 /b:1 /c:1" {
		t.Error(got)
	}
}

// A server that only serves the hook begins exports for the workers that come later.
func TestAnExportWaitsForAWorker(t *testing.T) {
	t.Parallel()
	e := newERP(t, false)
	p := planned(t, e, "ab")
	p.After = time.Second
	r, address := serving(t, p)
	r.worker.Stop()
	status, location, _ := ask(t, address, invoice())
	if status != http.StatusAccepted || e.count() != "" {
		t.Fatal(status, e.count())
	}
	serving(t, p)
	if answer := poll(t, address, location); answer.Failed() || len(answer.Messages) != 2 {
		t.Error(texts(answer))
	}
	if got := e.count(); got != "/a:1 /b:1" {
		t.Error(got)
	}
}

// A worker that stops hands over what does not end in time, and the other one goes on with it.
func TestAWorkerThatStopsHandsOver(t *testing.T) {
	t.Parallel()
	e := newERP(t, true, "/b")
	p := planned(t, e, "abc")
	p.After, p.Stop = time.Second, 100*time.Millisecond
	r, _ := serving(t, p)
	call := invoice()
	_, one := serving(t, p)
	status, location, _ := ask(t, one, call)
	if status != http.StatusAccepted {
		t.Fatal(status)
	}
	<-e.at
	r.worker.Stop() // it has the step, or has not
	e.release()
	if answer := poll(t, one, location); answer.Failed() || len(answer.Messages) != 3 {
		t.Error(texts(answer))
	}
	if got := e.count(); got != "/a:1 /b:1 /c:1" {
		t.Error(got)
	}
}

func TestAnExportOutlivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	server := temporaltest.New(t)
	e := newERP(t, false, "/b")
	p := planned(t, e, "abc")
	p.Temporal, p.After = server.Address(), time.Second
	_, address := serving(t, p)
	call := invoice()
	status, location, _ := ask(t, address, call)
	if status != http.StatusAccepted {
		t.Fatal(status)
	}
	<-e.at
	must(t, server.Kill())
	if status, _, answer := ask(t, address, call); status != http.StatusServiceUnavailable && status != http.StatusAccepted {
		t.Errorf("without a server: %d %s", status, texts(answer))
	}
	must(t, server.StartAgain())
	e.release()
	if answer := poll(t, address, location); answer.Failed() || len(answer.Messages) != 3 {
		t.Error(texts(answer))
	}
	if got := e.count(); got != "/a:1 /b:1 /c:1" {
		t.Error(got)
	}
}

// A worker with another chain takes the place of one that was killed after its first step.
func TestAChainThatHasChangedGoesOnOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		now, count, want string
	}{
		"one more step at the end":  {"abcd", "/a:1 /b:1 /c:1 /d:1", "info: d: "},
		"one more step in between":  {"axbc", "/a:1 /b:1 /c:1 /x:1", "info: x: "},
		"a step that ended is gone": {"xbc", "/a:1 /b:1", "its step /post a, which had ended or may have sent something, is no longer there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newERP(t, true, "/b")
			p := planned(t, e, "abc")
			p.Queue = strings.ReplaceAll(p.Queue, "/", "-")
			p.After = time.Second
			victim := p.process(t)
			status, location, _ := ask(t, victim.address, invoice())
			if status != http.StatusAccepted {
				t.Fatal(status)
			}
			<-e.at
			victim.kill()
			p.Chain = tt.now
			_, heir := serving(t, p)
			e.release()
			if answer := poll(t, heir, location); !strings.Contains(texts(answer), tt.want) {
				t.Errorf("%s, want %s", texts(answer), tt.want)
			}
			if got := e.count(); got != tt.count {
				t.Errorf("%s, want %s", got, tt.count)
			}
		})
	}
}

// The worker has another key than the one that sealed the secrets, for longer than the export may
// take. It would never end otherwise, and each repeat of the call would wait for it.
func TestARunWhoseSecretsCannotBeOpenedGoesOnAtTheNextCall(t *testing.T) {
	t.Parallel()
	e := newERP(t, false)
	p := planned(t, e, "ab")
	p.After, p.Timeout = time.Second, time.Second
	r, address := serving(t, p)
	r.worker.Stop()
	call := invoice()
	status, location, _ := ask(t, address, call)
	if status != http.StatusAccepted {
		t.Fatal(status)
	}
	p.CodecKey, p.After, p.Timeout = strings.Repeat("q", 32), 40*time.Second, 0
	_, heir := serving(t, p)
	if answer := poll(t, heir, location); !strings.Contains(texts(answer), "Export again: the export goes on from there") {
		t.Error(texts(answer))
	}
	if status, _, answer := ask(t, heir, call); status != http.StatusOK || answer.Failed() || len(answer.Messages) != 2 {
		t.Errorf("%d %s", status, texts(answer))
	}
	if got := e.count(); got != "/a:1 /b:1" {
		t.Error(got)
	}
}
