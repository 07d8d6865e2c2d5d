package crashtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// checkSuccess holds an answer to what the ERP has: every call was acted on, and its id
// is in the answer.
func (u *user) checkSuccess(answer *rossum.Response) {
	text, err := json.Marshal(answer)
	if err != nil {
		u.wrong("%v", err)
	}
	steps := u.steps
	if u.beside {
		steps++
	}
	for s := range steps {
		for i := range u.items {
			what := fmt.Sprintf("POST https://erp.example/%s/s%d/i%d", u.content(), s, i)
			if !slices.ContainsFunc(u.erp.idsOf(what), func(id string) bool { return strings.Contains(string(text), `"`+id+`"`) }) {
				u.wrong("%s is answered as a success without an id of %s: %s", u.content(), what, text)
			}
		}
	}
}

// idsOf lists what was made for a call, by all runs.
func (e *simERP) idsOf(what string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for _, a := range e.acts {
		if a.what == what {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// played is a run as the ledger has it in the end.
type played struct {
	pipeline.Run
	content string
	replies []playedReply
	answer  *rossum.Response
}

type playedReply struct {
	Answer *struct {
		Status int
		Header map[string][]string
		Body   []byte
	}
	Error string
	Sent  bool
}

func (w *world) read(run pipeline.Run) played {
	p := played{Run: run, content: w.names[run.Content]}
	for _, r := range run.Records {
		switch r.Kind {
		case "reply":
			var reply playedReply
			if err := json.Unmarshal(r.Data, &reply); err != nil {
				w.wrong("%v", err)
			}
			if p.answer == nil && !w.late[string(r.Data)] { // the owner does not learn of one that comes late
				p.replies = append(p.replies, reply)
			}
		case "end":
			var end struct{ Response *rossum.Response }
			if err := json.Unmarshal(r.Data, &end); err != nil {
				w.wrong("%v", err)
			}
			p.answer = end.Response
		}
	}
	return p
}

// check holds the whole schedule to the rules.
func (w *world) check(users []*user) {
	byContent := make(map[string][]played)
	for info, err := range w.shared.Find(context.Background(), pipeline.RunQuery{}) {
		if err != nil {
			w.wrong("%v", err)
			continue
		}
		run, err := w.shared.Load(context.Background(), info.ID)
		if err != nil {
			w.wrong("%v", err)
			continue
		}
		p := w.read(run)
		byContent[p.content] = append([]played{p}, byContent[p.content]...) // oldest first
		w.checkRun(p)
	}
	for content, runs := range byContent {
		w.checkContent(content, runs)
	}
	w.checkActs()
	for _, u := range users {
		if !u.done {
			w.wrong("%s did not get %s exported although all works", u.name, u.content())
		}
	}
}

// checkRun: every run ends, no failure becomes a success, and no reply is lost.
func (w *world) checkRun(p played) {
	if p.State != pipeline.RunEnded {
		w.wrong("run %s of %s has not ended: %v", p.ID, p.content, p.State)
		return
	}
	if p.answer == nil {
		return // the annotation had changed
	}
	text, err := json.Marshal(p.answer)
	if err != nil {
		w.wrong("%v", err)
	}
	for _, r := range p.replies {
		switch {
		case r.Answer == nil:
		case r.Answer.Status >= 400 && !p.answer.Failed():
			w.wrong("run %s succeeds although a call was answered %d", p.ID, r.Answer.Status)
		case r.Answer.Status == 201 && !strings.Contains(string(text), string(r.Answer.Body)):
			w.wrong("run %s: %s was recorded, and is not in the answer %s", p.ID, r.Answer.Body, text)
		}
	}
}

// isUnknown reports that a call may have been received, and got no answer: such a run fails,
// also if an earlier process that could not note it had an answer.
func (p played) isUnknown() bool {
	return slices.ContainsFunc(p.replies, func(r playedReply) bool { return r.Answer == nil && r.Sent })
}

// checkContent: a content is exported anew only after a failure.
func (w *world) checkContent(content string, runs []played) {
	succeeded := 0
	for i, p := range runs {
		if p.answer == nil || w.unnoted[p.ID] && p.isUnknown() { // its success may have been told, and could not be noted
			succeeded++
		}
		if p.answer == nil || p.answer.Failed() {
			continue
		}
		if succeeded++; i != len(runs)-1 {
			w.wrong("%s was exported again after the success of run %s", content, p.ID)
		}
	}
	if w.said[content] && succeeded == 0 {
		w.wrong("%s was answered as a success, and no run of it ended so", content)
	}
}

// checkActs: the ERP acted once on each call of a run.
func (w *world) checkActs() {
	acted := make(map[string]int)
	for _, a := range w.erp.acts {
		name := string(a.run) + " " + a.what
		if acted[name]++; acted[name] == 2 {
			w.wrong("the ERP acted twice on %s", name)
		}
	}
}
