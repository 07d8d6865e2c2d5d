package sftpexport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/exportpipeline/exportpipeline/internal/egress"
	"github.com/exportpipeline/exportpipeline/pipeline"
	"github.com/exportpipeline/exportpipeline/pipeline/organisation"
	"github.com/exportpipeline/exportpipeline/rossum"
)

// Run puts the files. Nothing appears at the destination before all files have
// been sent. When one of them cannot be given its name, those before it are there
// already, and the error says which.
func (s *Step) Run(ctx context.Context, x *pipeline.Export) (err error) {
	c := s.compiled
	if c == nil {
		// Outside of a chain nothing is shared between exports.
		if c, err = s.build(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.shared.close()) }()
	}
	p, err := s.plan(ctx, x, c)
	if err != nil {
		return err
	}
	files, _, err := p.files()
	if err != nil {
		return err
	}
	if len(files) == 0 {
		x.Decide("nothing to put")
		return nil
	}
	if !x.Allows(http.MethodPut, s.Credentials.address()) {
		return s.show(ctx, x, p)
	}
	d, err := s.open(ctx, x, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if p.system, err = systemOf(ctx, d); err != nil {
		return s.failed(x, &files[0], x.WallTime(), err)
	}
	if err := p.count(ctx, d); err != nil {
		return err
	}
	files, done, err := p.files()
	if err != nil {
		return err
	}
	for _, change := range p.changed {
		x.Decide("%s", change)
	}
	return s.put(ctx, x, d, append(files, done...))
}

// systemOf asks a destination which names it can hold.
func systemOf(ctx context.Context, d Destination) (System, error) {
	if d, ok := d.(interface {
		System(context.Context) (System, error)
	}); ok {
		return d.System(ctx)
	}
	return SystemAny, nil
}

// Destination opens where the step's files go, with the secrets of the export. The
// caller closes it. It is for tests and tools. Connections are shared with later calls
// if the step is what Compile returned, and else end with the destination.
func (s *Step) Destination(ctx context.Context, x *pipeline.Export) (Destination, error) {
	if s.compiled != nil {
		return s.open(ctx, x, s.compiled)
	}
	c, err := s.build()
	if err != nil {
		return nil, err
	}
	d, err := s.open(ctx, x, c)
	if err != nil {
		return nil, errors.Join(err, c.shared.close())
	}
	return ownDestination{d, c.shared}, nil
}

// ownDestination is one with connections of its own.
type ownDestination struct {
	Destination
	shared *shared
}

func (d ownDestination) Close() error {
	return errors.Join(d.Destination.Close(), d.shared.close())
}

func (s *Step) open(ctx context.Context, x *pipeline.Export, c *compiled) (Destination, error) {
	if c.shared.backend != nil {
		return c.shared.backend.Open(ctx, x)
	}
	p, err := c.shared.pool(s, c, x.Secrets, egress.Of(ctx))
	if err != nil {
		return nil, err
	}
	return &sftpDestination{pool: p, note: x.Decide, inPlace: s.Commit == CommitInPlace}, nil
}

// put stages all files, and then gives them their names one after the other.
func (s *Step) put(ctx context.Context, x *pipeline.Export, d Destination, files []planned) (err error) {
	staged := make([]Staged, 0, len(files))
	defer func() {
		for _, f := range staged {
			if cleanErr := f.Discard(); cleanErr != nil {
				s.remains(x, cleanErr)
				x.Log.WarnContext(ctx, "a hidden file could not be removed; it remains until it is a day old", "error", cleanErr)
			}
		}
	}()
	started := x.WallTime()
	for i := range files {
		f := &files[i]
		f.count()
		f.file.LookFirst = len(files) > 1
		one, err := d.Stage(ctx, f.file)
		if errors.Is(err, ErrExists) {
			one, err = s.alreadyThere(ctx, x, d, f, i, err)
		}
		if err != nil {
			s.remains(x, err)
			return s.failed(x, f, started, err)
		}
		staged = append(staged, one)
	}
	var there []string
	for i, one := range staged {
		f := &files[i]
		path, err := s.commit(ctx, x, d, one, f, i)
		s.record(x, path, f, started, err)
		if err != nil {
			err := &FileError{Op: "putting", Path: f.file.Path(), Place: f.place, Err: err}
			if len(there) > 0 {
				return fmt.Errorf("%w (%s of this export had its name already)", err, strings.Join(there, ", "))
			}
			return err
		}
		there = append(there, path)
	}
	return nil
}

// remains notes which hidden files may still be there, for the sentence that ends a failure.
func (s *Step) remains(x *pipeline.Export, err error) {
	if left := new(leftError); errors.As(err, &left) {
		x.Remains("%s at %s", strings.Join(left.paths, ", "), s.Credentials.address())
	}
}

// alreadyThere decides about a name that is taken, maybe by an earlier part of this run
// that was cut short.
func (s *Step) alreadyThere(ctx context.Context, x *pipeline.Export, d Destination, f *planned, index int, exists error) (Staged, error) {
	path, err := s.once(ctx, x, d, f, index, func(context.Context) (string, error) { return "", pipeline.NotSent(exists) })
	return put(path), err
}

// put is a file that an earlier part of the run has put.
type put string

func (p put) Commit(context.Context) (string, error) { return string(p), nil }
func (put) Discard() error                           { return nil }

// commit gives a file its name, unless an earlier part of this run, which was cut short,
// has done so.
func (s *Step) commit(ctx context.Context, x *pipeline.Export, d Destination, one Staged, f *planned, index int) (string, error) {
	if there, ok := one.(put); ok {
		return string(there), nil
	}
	return s.once(ctx, x, d, f, index, one.Commit)
}

// once gives a file its name by do. The path is no part of the call's identity: with a
// number of {seq} it would be another one when the run goes on.
func (s *Step) once(ctx context.Context, x *pipeline.Export, d Destination, f *planned, index int, do func(context.Context) (string, error)) (string, error) {
	act := pipeline.Act{
		Call: f.place, Item: index, What: fmt.Sprintf("put file %d (%s) at %s", index+1, f.place, s.Credentials.address()),
		Probe: func(ctx context.Context) (*pipeline.Reply, error) { return s.look(ctx, d, f) },
	}
	answer, err := x.Once(ctx, act, func(ctx context.Context, _ pipeline.Attempt) (*pipeline.Reply, error) {
		path, err := do(ctx)
		if err == nil {
			return placed(path), nil
		}
		if !mayBeThere(err) {
			err = pipeline.NotSent(err)
		}
		return nil, err
	})
	if err != nil {
		return "", err
	}
	var path string
	if err := json.Unmarshal(answer.Value, &path); err != nil {
		return f.file.Path(), nil // a person has said that it is there
	}
	return path, nil
}

// mayBeThere reports that the file may be under its name, for a reader to take: whole, or
// not as it was sent.
func mayBeThere(err error) bool {
	return errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrSize) || errors.Is(err, ErrContent)
}

// placed is the answer to a file that got its name.
func placed(path string) *pipeline.Reply {
	value, _ := json.Marshal(path) // of a text
	return &pipeline.Reply{Value: value}
}

// look says whether a file is there with the content that it was to get.
func (s *Step) look(ctx context.Context, d Destination, f *planned) (*pipeline.Reply, error) {
	if f.file.Collision == CollisionNumber {
		return nil, nil // a file with the same content may be another export's
	}
	same, err := d.Holds(ctx, f.file)
	if err != nil || !same {
		return nil, err // without it: it may have been there, and a reader have taken it
	}
	return placed(f.file.Path()), nil
}

// failed records that a file could not be put.
func (s *Step) failed(x *pipeline.Export, f *planned, started time.Time, err error) error {
	s.record(x, f.file.Path(), f, started, err)
	return &FileError{Op: "putting", Path: f.file.Path(), Place: f.place, Err: err}
}

func (s *Step) record(x *pipeline.Export, path string, f *planned, started time.Time, err error) {
	call := pipeline.CallReport{
		Method: "PUT", URL: s.Credentials.address() + "/" + strings.TrimPrefix(path, "/"), Attempts: 1,
		Took: pipeline.Duration(x.WallTime().Sub(started)), Sent: f.sent(),
	}
	if err != nil {
		call.Error = err.Error()
	}
	x.RecordCall(call)
}

// Close ends the connections. An export that runs afterwards makes new ones.
func (s *Step) Close() error {
	if s.compiled != nil {
		return s.compiled.shared.close()
	}
	return nil
}

// RegisterOptions are what the program gives the steps that [Register] makes: host keys,
// or backends such as that of S3. The zero value works.
type RegisterOptions struct {
	HostKeys       []string           // see [Step.HostKeys]
	KnownHostsFile string             // see [Step.KnownHostsFile]
	Backends       map[string]Backend // see [Step.Backends]
}

// Register makes a registry know the step by the address of Rossum's hosted
// extension, and by what shows in a hook of the Rossum Store, which has none.
// Options hold for each step that it makes.
func Register(r *organisation.Registry, o RegisterOptions) {
	r.Register(organisation.Kind{Name: "file-storage-export", Store: clues, Make: func(h *rossum.Hook) (pipeline.Step, error) {
		step := &Step{HostKeys: o.HostKeys, KnownHostsFile: o.KnownHostsFile, Backends: o.Backends}
		if len(h.Settings) == 0 || string(h.Settings) == "null" {
			return step, nil
		}
		return step, step.UnmarshalJSON(h.Settings)
	}})
}

// clues recognise a hook of the Rossum Store.
var clues = organisation.Clues{
	Settings: []string{"export_rules", "exports", "credentials.bucket_name"},
	Names:    []string{"sftp", "s3", "file storage export"},
	Secrets:  []string{"ssh_key", "access_key_id", "secret_access_key"},
}
