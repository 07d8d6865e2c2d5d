package pipeline

import (
	"context"
	"slices"

	"github.com/exportpipeline/exportpipeline/rossum"
)

// Describer is a step that says beforehand what it uses, so that what is missing is
// found before anything is sent: by [Chain.Check] when the chain is built, and by the
// same rules when a run starts. A step that is not a Describer may use, make and change
// anything; what depends on it can be checked only in part.
type Describer interface {
	// Uses lists what the step's settings name, for an export from the queue with the
	// given id, 0 if that is not known. It is called after Validate, possibly by
	// several goroutines, and must not depend on anything but the settings.
	Uses(queue int64) []Use
}

// UseKind says what a [Use] does with its name.
type UseKind string

// The kinds of use.
const (
	UseReads   UseKind = "reads"          // Name is the schema_id of a field, a table or a column
	UseWrites  UseKind = "writes"         // Name is a schema_id
	UseNeeds   UseKind = "needs"          // Name is the reference key of a file
	UseMakes   UseKind = "makes"          // Name is a reference key
	UseRemoves UseKind = "removes"        // Name is a reference key, "" for those of all files
	UseSecret  UseKind = "needs secret"   // Name is the name of a secret of the hook
	UseLearns  UseKind = "learns secret"  // Name is the name of a secret that the step adds
	UseName    UseKind = "needs variable" // Name is a variable of a template that is never defined
	UseSends   UseKind = "sends"          // Name says what, such as POST; it must not be sent twice
	UseAsks    UseKind = "asks"           // Name says what, such as GET; it may be sent twice
	UseTypes   UseKind = "needs types"    // the types that the schema gives to fields decide what happens
)

// Use is one thing that the settings of a step name.
type Use struct {
	Kind  UseKind
	Name  string
	Place string // in the settings, such as extract[0].extract_rules[1].target_schema_id
	Line  int    // of the text at the place, from 1; 0 if it has one line only

	// Form is what names a field at this place, with %s for the schema_id, such as
	// {{ field.%s }}; @{%s} if "". Others are names that mean something else there, such as
	// year in the name of a file. Both are for suggestions.
	Form   string
	Others []string

	// Single means that there must be one field with a value: no table, and no column of
	// a table unless a loop among IfFields goes over its rows.
	Single bool
	// Group means that it must be a table or a repeated field.
	Group bool
	// In is the schema_id of the table or repeated field that the name is in, ""
	// if that does not matter.
	In string
	// Unquoted means that the value becomes a part of JSON as it is, outside of its strings,
	// which the text of a document can't: it is a warning.
	Unquoted bool
	// Optional means that the step goes on where there is none: what is missing is a
	// warning at most.
	Optional bool
	// Conditional means that the use depends on what is known only while the step runs,
	// such as a reply: what is missing is a warning at most.
	Conditional bool
	// If are conditions that must all hold for the use to happen. While one of them may
	// change, what is missing is a warning; when all of them hold, it is an error.
	If []*Condition
	// IfFields are schema_ids without which the use does not happen: the tables of the
	// loops around it, and fields whose presence the settings ask for.
	IfFields []string
	// IfFile is the reference key of a file without which the use does not happen.
	IfFile string
	// IfDue means, for UseNeeds, that the step passes quietly where the step that makes
	// the file was not due; see [Files.Skipped].
	IfDue bool
	// Accepts, for UseSecret, says what is wrong with the secrets of the hook, where more
	// than the one called Name decides, such as a password or else a key. Its error must
	// not quote a secret.
	Accepts func(rossum.Secrets) error
	// Steers means that the value decides whether a call is made, or where it goes.
	Steers bool
}

// Condition decides about a [Use], or about a whole step, see [When], by the values that
// fields have when the step begins. It is evaluated beforehand, as soon as no step that
// comes first can change them.
type Condition struct {
	// Text is the condition as its author wrote it, for the report of [When].
	Text string
	// Reads are the schema_ids of the fields that it depends on, "" for any field at all.
	// [When] refuses an export that lacks one of them, unless it is one of Optional.
	Reads []string
	// Optional are those of Reads that the condition can do without.
	Optional []string
	// Holds decides. It changes nothing, sends nothing, and may be called by several
	// goroutines; x is as the step would see it. An error means that it cannot tell, and
	// so does a Holds that is nil.
	Holds func(ctx context.Context, x *Export) (bool, error)
}

// describe returns the uses of a step, and false if it does not tell them.
func describe(s Step, queue int64) ([]Use, bool) {
	d, ok := s.(Describer)
	var uses []Use
	if ok {
		uses = d.Uses(queue)
	}
	if m, isMaker := s.(Maker); isMaker {
		for _, key := range m.Makes() {
			if !slices.ContainsFunc(uses, func(u Use) bool { return u.Kind == UseMakes && u.Name == key }) {
				uses = append(uses, Use{Kind: UseMakes, Name: key})
			}
		}
	}
	return uses, ok
}
