package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Check says what is known to be wrong with the chain on a queue with the given schema,
// before any annotation is exported: fields that are not there or have another shape,
// reference keys that no step makes in time, formulas that cannot be computed, hooks
// that the platform would call again after they have sent. The same is done at the
// beginning of every run, against the annotation itself; see [Report.Findings].
//
// What would fail the export on every annotation is an error. What depends on a
// condition, a loop or a reply is a warning, since hooks are shared by queues with
// different schemas, and so is what only leaves a gap in a file. With a nil schema
// nothing is said of fields. The options are those that the runs will have. Use
// [Findings.Err] to act on errors alone.
func (c *Chain) Check(schema *rossum.Schema, options ...Option) Findings {
	o := newConfig(options)
	t := target{queue: rossum.IDOf(c.origin.Queue), event: rossum.EventAnnotationContent, action: rossum.ActionExport}
	w := &world{facts: newSchemaFacts(schema)}
	if o.store != nil {
		w.stored = func(string) bool { return true }
	}
	j := &judge{world: w, alone: o.alone, leftOut: c.origin.LeftOut}
	for _, fault := range o.faults {
		j.findings = append(j.findings, &Finding{Severity: SeverityError, Err: fault})
	}
	j.judge(newOutline(c, t).flow(""), o.formulas)
	return c.shown(j.findings)
}

// judge finds what is wrong with a flow.
type judge struct {
	*world
	leftOut  []LeftOut
	alone    bool // the step is one hook of several, which cannot see what the others make
	findings Findings
	known    map[subject][]int // which of the findings are about something, as add notes them
	open     bool              // a warning may become an error before the steps that it is about run

	chances map[*flowUse]chance
	decided map[*due]chance
}

func (j *judge) judge(f *flow, o Formulas) {
	for _, u := range f.uses {
		if u.aside || !j.matters(u) {
			continue
		}
		switch u.Kind {
		case UseReads, UseWrites:
			if u.Name != "" {
				j.field(u)
			}
		case UseNeeds:
			j.key(u)
		case UseSecret:
			j.secret(u)
		case UseName:
			cause := fmt.Errorf("%q: %w", u.Name, ErrUndefined)
			if placeholderText(u.Name) != "" {
				cause = fmt.Errorf("%s is sent as it stands: %w", u.Name, ErrUndefined)
			}
			j.add(u, SeverityWarning, cause, j.variableFix(u))
		}
	}
	j.hooks(f)
	j.formulas(f, o)
}

// add notes a finding about a use. What is used twice at one place is found once.
func (j *judge) add(u *flowUse, s Severity, cause error, fix string) {
	f := &Finding{Severity: s, Step: u.step, Place: u.Place, TextLine: u.Line, Name: u.Name, Err: cause, Fix: fix}
	f.locate(u.hook)
	about := f.about()
	for _, i := range j.known[about] {
		if j.findings[i].Err.Error() == cause.Error() {
			if s == SeverityError {
				j.findings[i] = f
			}
			return
		}
	}
	if j.known == nil {
		j.known = make(map[subject][]int)
	}
	j.known[about] = append(j.known[about], len(j.findings))
	j.findings = append(j.findings, f)
}

// severity is that of something missing for a use.
func (j *judge) severity(u *flowUse) Severity {
	switch c := j.chance(u); {
	case u.Optional:
	case c == surely:
		return SeverityError
	case c == maybe:
		j.open = true
	}
	return SeverityWarning
}

// matters reports whether anything is to be said about a use: not where the file or the
// rows that it needs are missing, since that is a finding of its own, or right. What
// depends on a condition that does not hold now is said all the same, for the next
// annotation.
func (j *judge) matters(u *flowUse) bool {
	if u.IfFile != "" && len(u.before.made[u.IfFile]) == 0 && !j.passed(u.IfFile, u.before) && j.there(u.IfFile, u.before) == never {
		return false
	}
	for _, id := range u.IfFields {
		if j.find(id).category == "" || j.elements(id, u.before) == never {
			return false
		}
	}
	return true
}

// knowsFields reports whether anything is known of fields.
func (j *judge) knowsFields() bool { return j.content != nil || j.facts != nil }

func (j *judge) field(u *flowUse) {
	if !j.knowsFields() {
		return
	}
	if u.In != "" {
		j.column(u)
		return
	}
	p := j.find(u.Name)
	switch {
	case p.category == "":
		j.add(u, j.severity(u), fmt.Errorf("field %q: %w", u.Name, rossum.ErrNoField), j.fieldFix(u))
	case u.Group && p.category == rossum.CategoryDatapoint.String():
		j.add(u, j.severity(u), &alike{fmt.Sprintf("field %q is a plain field and has no children", u.Name), ErrShape}, "name a table or a repeated field")
	case u.Single && !u.Group && p.category != rossum.CategoryDatapoint.String():
		j.add(u, j.severity(u), &alike{fmt.Sprintf("field %q is a %s and has no value", u.Name, p.category), ErrShape}, "name a field within it")
	case u.Single && !j.covered(u, p):
		j.single(u, p)
	}
	if u.Unquoted && j.facts.hasText(u.Name) {
		j.add(u, SeverityWarning, fmt.Errorf("text of the field %q becomes a part of JSON without quotes: %w", u.Name, ErrShape),
			"write quotes around the placeholder; the value is escaped for them")
	}
}

// covered reports whether a loop around the use goes over the rows that the field is in.
func (j *judge) covered(u *flowUse, p place) bool {
	return slices.ContainsFunc(u.IfFields, func(id string) bool {
		l := j.find(id)
		return id == u.Name || p.table != "" && (id == p.table || l.table == p.table)
	})
}

// single looks at a field of which there must be one.
func (j *judge) single(u *flowUse, p place) {
	switch {
	case p.nodes == 1 || u.before.anyRow && p.table != "":
	case p.nodes == 0 && p.table == "":
		j.add(u, j.severity(u), fmt.Errorf("field %q: %w, although its schema has it", u.Name, rossum.ErrNoField),
			"the annotation was made before the field was added; let it be extracted anew")
	case p.nodes == 0:
		j.add(u, j.severity(u), &alike{fmt.Sprintf("field %q is a column of %s, which has no rows", u.Name, p.table), rossum.ErrNoField}, rowsFix(u))
	case p.nodes > 1:
		j.add(u, j.severity(u), fmt.Errorf("field %q: %w (%d of them)", u.Name, rossum.ErrManyFields, p.nodes), rowsFix(u))
	case p.table != "":
		text := fmt.Sprintf("field %q is a column of %s, so that this works only with exactly one row", u.Name, p.table)
		j.add(u, SeverityWarning, &alike{text, ErrShape}, rowsFix(u))
	}
}

func rowsFix(u *flowUse) string {
	if u.Kind == UseWrites {
		return "write to a field of the header"
	}
	return "use it in a loop over the rows, or name a field of the header"
}

// column looks at a member of a table's rows.
func (j *judge) column(u *flowUse) {
	p := j.find(u.In)
	if p.category == "" || j.facts == nil && p.nodes > 0 && j.rows(u.In) == 0 {
		return // the table is missing, which is a finding of its own, or its columns are not known
	}
	if j.hasColumn(u.In, u.Name) {
		return
	}
	columns := slices.Collect(j.columns(u.In))
	switch {
	case p.category == rossum.CategoryMultivalue.String() || p.category == rossum.CategoryTuple.String():
		j.add(u, j.severity(u), &alike{fmt.Sprintf("the table %s has no column %q", u.In, u.Name), rossum.ErrNoField}, didYouMean(u.Name, columns))
	default:
		j.add(u, j.severity(u), &alike{fmt.Sprintf("%q has no member %q: it is a plain field", u.In, u.Name), ErrShape}, "its value is the field itself")
	}
}

// key looks at a file that a step needs.
func (j *judge) key(u *flowUse) {
	if j.alone || u.before.has(u.Name, j.files) {
		return
	}
	if len(u.before.made[u.Name]) > 0 || j.passed(u.Name, u.before) {
		j.skippedKey(u)
		return
	}
	severity := j.severity(u)
	if u.before.maybe(u.Name, j.stored) {
		severity = SeverityWarning
	}
	fix := "give the step that makes it this key, or add one"
	if near := nearestOf(u.Name, u.madeBefore()); near != "" {
		fix = fmt.Sprintf("did you mean %q?", near)
	}
	if by := j.absentMaker(u.Name); by != "" {
		fix = by
	}
	if u.later() {
		fix = "a step that runs later, or beside this one, makes it: run this one after it (run_after)"
	}
	j.add(u, severity, fmt.Errorf("file %q: %w", u.Name, ErrNotMade), fix)
}

// absentMaker says which hook that is left out would make a file, "" for none.
func (j *judge) absentMaker(key string) string {
	for _, l := range j.leftOut {
		if slices.Contains(l.Makes, key) {
			return fmt.Sprintf("hook %s would make it, but is left out (%s)", l.Hook, l.Why)
		}
	}
	return ""
}

// skippedKey looks at a file whose maker is not due, if the step that needs it does
// not pass quietly then.
func (j *judge) skippedKey(u *flowUse) {
	if u.IfDue {
		return
	}
	if there, due := j.there(u.Name, u.before), j.chance(u); there != never || due != surely {
		j.open = j.open || there == maybe || due == maybe
		return
	}
	by := "the step"
	if makers := u.before.made[u.Name]; len(makers) > 0 {
		by = makers[0].step
	}
	j.add(u, SeverityError, fmt.Errorf("file %q: %w", u.Name, ErrNotDue), fmt.Sprintf("give this step the condition of %s that makes it", by))
}

func (u *flowUse) madeBefore() (keys []string) {
	for key := range u.before.made {
		keys = append(keys, key)
	}
	return keys
}

// secret looks at a secret that a step needs.
func (j *judge) secret(u *flowUse) {
	if j.secrets == nil || u.hook == nil && u.before.learnt[u.Name] {
		return
	}
	known := j.secrets(u.hook)
	cause := u.lacks(known)
	if cause == nil {
		return
	}
	severity := j.severity(u)
	if u.hook == nil && u.before.anyFile {
		severity = SeverityWarning // a step that does not say what it does may have learnt it
	}
	var names []string
	for name := range known {
		if name != u.Name {
			names = append(names, name)
		}
	}
	fix := didYouMean(u.Name, names)
	switch {
	case fix != "":
	case u.hook != nil && len(known) == 0:
		fix = "give the run this hook's secrets with pipeline.WithSecrets (exportrun -secrets)"
	case u.Accepts != nil:
		fix = "change the hook's secrets"
	default:
		fix = "add it to the hook's secrets"
	}
	j.add(u, severity, cause, fix)
}

// nearestSecret returns the name of a secret of the hook that a wrong one most likely
// meant, or the wrong one.
func (j *judge) nearestSecret(u *flowUse, name string) string {
	var names []string
	if j.secrets != nil {
		for known := range j.secrets(u.hook) {
			names = append(names, known)
		}
	}
	if near := nearestOf(name, names); near != "" {
		return near
	}
	return name
}

// lacks says what is missing among the secrets of a hook, or wrong with them.
func (u *flowUse) lacks(secrets rossum.Secrets) error {
	if u.Accepts != nil {
		if err := u.Accepts(secrets); err != nil {
			return &alike{err.Error(), ErrNoSecret}
		}
		return nil
	}
	if _, ok := secrets[u.Name]; ok {
		return nil
	}
	return fmt.Errorf("secret %q: %w", u.Name, ErrNoSecret)
}

// hooks looks at what concerns a hook as a whole.
func (j *judge) hooks(f *flow) {
	for _, h := range f.hooks {
		if n := h.hook.Config.RetryCount; n != nil && *n > 0 && h.sends != "" {
			cause := fmt.Errorf("is %d, and the hook sends (%s): %w", *n, h.sends, ErrRetried)
			found := &Finding{Severity: SeverityWarning, Step: h.step, Place: "config.retry_count", Err: cause, Fix: "set it to 0"}
			found.locate(h.hook)
			j.findings = append(j.findings, found)
		}
	}
}

func (j *judge) fieldFix(u *flowUse) string {
	if near := j.nearest(u.Name, u.Others...); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if u.Kind == UseWrites {
		return "add the field to the queue's schema (ui_configuration.type \"data\"), or take it out of these settings"
	}
	return "name a field of the queue's schema"
}

// placeholderText is what stands within the braces of a text that looks like a placeholder,
// "" for a name without braces.
func placeholderText(name string) string {
	inner, isText := strings.CutPrefix(strings.TrimLeft(name, "@#"), "{")
	if !isText {
		return ""
	}
	return strings.TrimSpace(strings.TrimSuffix(inner, "}"))
}

func (j *judge) variableFix(u *flowUse) string {
	if inner := placeholderText(u.Name); inner != "" {
		path := strings.Split(inner, ".")
		name := strings.TrimSpace(path[len(path)-1])
		form := cmp.Or(u.Form, "@{%s}")
		switch first := strings.TrimSpace(path[0]); {
		case len(path) == 1, first == "field":
			if near := j.nearest(name); near != "" {
				name = near
			}
			return "did you mean " + fmt.Sprintf(form, name) + "?"
		case u.Form == "":
			return fmt.Sprintf("did you mean {secret.%s}?", j.nearestSecret(u, name))
		case strings.HasPrefix(first, "secret"):
			return "a file must not have a secret; take it out"
		case first == "payload":
			return fmt.Sprintf("did you mean {{ %s }}?", inner)
		}
		return fmt.Sprintf("did you mean {{ payload.%s }}?", inner)
	}
	if j.find(u.Name).category != "" {
		return fmt.Sprintf("did you mean field.%s?", u.Name)
	}
	return didYouMean(u.Name, []string{"field", "payload", "file"})
}
