package rossum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/exportpipeline/exportpipeline/internal/settings"
)

// Organisation is what an organisation has configured, as the deployment tool
// prd2 (rossumai/deployment-manager) keeps it in a folder.
type Organisation struct {
	Hooks  []*Hook  // by id
	Queues []*Queue // by id
}

// Queue is a queue with its schema.
type Queue struct {
	ID     int64
	URL    string
	Name   string
	Schema *Schema // with the formulas beside it; nil if the folder has none
}

// maxConfigFile bounds a file of an organisation. Schemas have some hundred
// kilobytes; what is larger is not a configuration.
const maxConfigFile = 32 << 20

// ErrOrganisation is wrapped by the errors of [LoadOrganisation].
var ErrOrganisation = errors.New("unusable organisation folder")

// LoadOrganisation reads a folder of prd2, or one that holds several, such as a
// sub-directory for each environment. It reads
//
//   - …/hooks/<name>_[<id>].json, and the code of a function beside it: a .py file
//     of the same name counts more than config.code
//   - …/queues/<name>_[<id>]/queue.json and schema.json, and formulas/<field>.py
//     beside them: such a file counts more than the field's formula in the schema
//
// and ignores everything else. All faults are reported together, each with its file;
// keys of hooks that cannot be read are noted in [Hook.Faults] instead, since only some
// hooks matter to an export. Hooks and queues that are in the folder more than once are a fault, since nobody
// could say which one counts.
func LoadOrganisation(fsys fs.FS) (*Organisation, error) {
	if fsys == nil {
		return nil, fmt.Errorf("%w: the folder is nil", ErrOrganisation)
	}
	l := &loader{fsys: fsys, hooks: make(map[int64]string), queues: make(map[int64]string)}
	if err := fs.WalkDir(fsys, ".", l.visit); err != nil {
		l.faults = append(l.faults, err)
	}
	if len(l.faults) == 0 && len(l.found.Hooks)+len(l.found.Queues) == 0 {
		l.faults = append(l.faults, errors.New("it has no hooks and no queues; expected <subdir>/hooks/<name>_[<id>].json as prd2 writes them"))
	}
	if err := errors.Join(l.faults...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOrganisation, err)
	}
	slices.SortFunc(l.found.Hooks, func(a, b *Hook) int { return int(a.ID - b.ID) })
	slices.SortFunc(l.found.Queues, func(a, b *Queue) int { return int(a.ID - b.ID) })
	return &l.found, nil
}

// InFolder puts the name of the organisation's folder before the names of all its files,
// so that errors name files which a person can open.
func (o *Organisation) InFolder(dir string) {
	join := func(file *string) {
		if *file != "" {
			*file = filepath.Join(dir, filepath.FromSlash(*file))
		}
	}
	for _, h := range o.Hooks {
		join(&h.File)
		join(&h.CodeFile)
	}
	for _, q := range o.Queues {
		if q.Schema == nil {
			continue
		}
		join(&q.Schema.File)
		for f := range q.Schema.All() {
			join(&f.FormulaFile)
		}
	}
}

// Queue returns the queue with the name or id. The error names the nearest one.
func (o *Organisation) Queue(nameOrID string) (*Queue, error) {
	var found []*Queue
	var known []string
	for _, q := range o.Queues {
		if strconv.FormatInt(q.ID, 10) == nameOrID || q.Name == nameOrID {
			found = append(found, q)
		}
		known = append(known, q.Name)
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("queue %q: %d queues have this name (ids %d, %d, …); use the id", nameOrID, len(found), found[0].ID, found[1].ID)
	}
	if near := settings.Nearest(nameOrID, known); near != "" {
		return nil, fmt.Errorf("queue %q: there is none; did you mean %q?", nameOrID, near)
	}
	return nil, fmt.Errorf("queue %q: there is none; the organisation has %s", nameOrID, strings.Join(known, ", "))
}

// loader is an organisation in the making.
type loader struct {
	fsys   fs.FS
	found  Organisation
	hooks  map[int64]string // file of each hook
	queues map[int64]string // folder of each queue
	faults []error
}

func (l *loader) fault(file string, err error) {
	l.faults = append(l.faults, fmt.Errorf("%s: %w", file, err))
}

// visit is called for every file. Its own error would end the walk: there is
// none that must.
func (l *loader) visit(file string, d fs.DirEntry, err error) error {
	switch {
	case err != nil:
		l.fault(file, err)
		if d != nil && d.IsDir() {
			return fs.SkipDir
		}
	case d.IsDir():
		if name := d.Name(); name != "." && strings.HasPrefix(name, ".") {
			return fs.SkipDir // .git and its like
		}
		if path.Base(path.Dir(file)) == "queues" {
			l.queue(file)
		}
	case path.Ext(file) == ".json" && path.Base(path.Dir(file)) == "hooks":
		l.hook(file)
	}
	return nil
}

// read returns a file, nil if there is none.
func (l *loader) read(file string) []byte {
	f, err := l.fsys.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		l.fault(file, err)
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err == nil && len(data) > maxConfigFile {
		err = fmt.Errorf("is larger than %d bytes", maxConfigFile)
	}
	if err != nil {
		l.fault(file, err)
		return nil
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
}

func (l *loader) hook(file string) {
	data := l.read(file)
	if data == nil {
		return
	}
	h, err := ParseHook(data)
	if err != nil {
		l.fault(file, err)
		return
	}
	if other := l.hooks[h.ID]; other != "" {
		l.fault(file, fmt.Errorf("hook %d is also in %s; load one of the files", h.ID, other))
		return
	}
	l.hooks[h.ID] = file
	h.File = file
	codeFile := strings.TrimSuffix(file, ".json") + ".py"
	if code := l.read(codeFile); code != nil {
		h.Config.Code, h.CodeFile = string(code), codeFile
	}
	l.found.Hooks = append(l.found.Hooks, h)
}

// idInName is how prd2 ends the name of a folder.
var idInName = regexp.MustCompile(`^(.*)_\[(\d+)\]$`)

func (l *loader) queue(dir string) {
	described := l.read(path.Join(dir, "queue.json"))
	schema := l.read(path.Join(dir, "schema.json"))
	if described == nil && schema == nil {
		return // a folder beside the queues
	}
	q := &Queue{}
	if m := idInName.FindStringSubmatch(path.Base(dir)); m != nil {
		q.Name = m[1]
		q.ID, _ = strconv.ParseInt(m[2], 10, 64) // of digits; too many leave 0
	}
	if described != nil {
		var object struct {
			ID   int64  `json:"id"`
			URL  string `json:"url"`
			Name string `json:"name"`
		}
		if err := json.Unmarshal(described, &object); err != nil {
			l.fault(path.Join(dir, "queue.json"), err)
			return
		}
		q.URL = object.URL
		if object.ID == 0 {
			object.ID = IDOf(object.URL)
		}
		if object.ID != 0 {
			q.ID = object.ID
		}
		if object.Name != "" {
			q.Name = object.Name
		}
	}
	switch other := l.queues[q.ID]; {
	case q.ID <= 0:
		l.fault(dir, errors.New("the queue has no id, neither in queue.json nor at the end of the folder's name"))
		return
	case other != "":
		l.fault(dir, fmt.Errorf("queue %d is also in %s; load one of the folders", q.ID, other))
		return
	}
	l.queues[q.ID] = dir
	if schema != nil {
		q.Schema = l.schema(dir, schema)
	}
	l.found.Queues = append(l.found.Queues, q)
}

// schema reads a queue's schema with the formulas beside it.
func (l *loader) schema(dir string, data []byte) *Schema {
	s := &Schema{File: path.Join(dir, "schema.json"), raw: data}
	if err := json.Unmarshal(data, s); err != nil {
		l.fault(path.Join(dir, "schema.json"), err)
		return nil
	}
	entries, err := fs.ReadDir(l.fsys, path.Join(dir, "formulas"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.fault(path.Join(dir, "formulas"), err)
	}
	for _, e := range entries {
		id, isPython := strings.CutSuffix(e.Name(), ".py")
		if !isPython || e.IsDir() {
			continue
		}
		file := path.Join(dir, "formulas", e.Name())
		code := l.read(file)
		if code == nil {
			continue
		}
		f := s.Field(id)
		if f == nil {
			l.fault(file, fmt.Errorf("the schema has no field %q", id))
			continue
		}
		f.Formula, f.FormulaFile = string(code), file
	}
	return s
}
