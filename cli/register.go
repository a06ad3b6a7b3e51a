package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/noetl/noetl-catalog/db/fault"
)

// ErrRefused is the error of Register.Run if files were refused. Each of them has been
// reported.
var ErrRefused = errors.New("some files were refused")

// Register is the command `register FILE|DIR…`.
type Register struct {
	Paths       []string `arg:"" name:"path" help:"Files, and directories that are walked for .yaml, .yml and .json. Several files of one path are its history, in the order of their names: those that are already registered add no version. In a directory, files that are not resources are skipped."`
	Server      string   `env:"CATALOG_SERVER" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The running server. Default: ${default}."`
	Token       string   `env:"CATALOG_TOKEN" placeholder:"TOKEN" help:"Sent as Authorization: Bearer."`
	DatabaseURL string   `name:"database-url" placeholder:"URL" help:"Register in this database, without a server. No environment variable sets this."`
	DryRun      bool     `help:"Show what would happen, and write nothing."`
	CreateTypes bool     `help:"Add unknown kinds as resource types instead of refusing their files. A server requires the role admin for this."`
	Quiet       bool     `help:"Show no progress and no summary, only what was refused."`
}

// registrar registers files and returns an outcome for each.
type registrar interface {
	register(ctx context.Context, b batch) (results, error)
	close()
}

// batch has the files that one call registers.
type batch struct {
	files []file
	// from is set for each part of a history that takes several calls: it is the revision
	// at the end of the previous part.
	from                *int32
	dryRun, createTypes bool
}

type results struct {
	outcomes     []outcome
	createdTypes []string
}

// outcome is the result for a file.
type outcome struct {
	// status is REGISTERED, UPDATED or UNCHANGED; empty for a refused or skipped file.
	status   string
	revision int32
	refusal  *fault.Error
	// skipped is the reason why a file is not a resource.
	skipped string
}

// The limits of a batch, well within the server's limits for a request.
const (
	batchFiles = 50
	batchBytes = 4 << 20
)

// Run registers the files and reports to stdout; progress goes to stderr. It
// returns ErrRefused if some were refused.
func (r *Register) Run(ctx context.Context, stdout, stderr io.Writer) error {
	start := time.Now()
	files, err := walk(r.Paths)
	if err != nil {
		return err
	}
	target, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer target.close()

	report := newReport(r, len(files), stdout, stderr)
	run := registration{Register: r, target: target, files: files, report: report}
	if err := run.all(ctx); err != nil {
		report.abandon()
		if report.done > 0 {
			err = fmt.Errorf("after %d of %d files: %w", report.done, report.total, err)
		}
		return err
	}
	report.finish(time.Since(start))
	if report.refused > 0 {
		return ErrRefused
	}
	return nil
}

func (r *Register) open(ctx context.Context) (registrar, error) {
	if r.DatabaseURL != "" {
		return openDatabase(ctx, r.DatabaseURL)
	}
	return newViaServer(r.Server, r.Token)
}

// registration is one run of the command.
type registration struct {
	*Register
	target  registrar
	files   []found
	origins map[string]origin
	report  *report
}

// all registers all files. It sends the files of a path in one call, as its history.
func (r *registration) all(ctx context.Context) error {
	names := make([]string, len(r.files))
	for i, file := range r.files {
		names[i] = file.name
	}
	r.origins = originsOf(ctx, names, r.report.warn)

	var waiting []int
	size := 0
	for _, group := range r.groups() {
		if group.partial || len(group.places) > batchFiles || group.size > batchBytes {
			if err := r.history(ctx, group); err != nil {
				return err
			}
			continue
		}
		if len(waiting)+len(group.places) > batchFiles || size+group.size > batchBytes {
			if _, err := r.send(ctx, waiting, nil); err != nil {
				return err
			}
			waiting, size = nil, 0
		}
		waiting, size = append(waiting, group.places...), size+group.size
	}
	_, err := r.send(ctx, waiting, nil)
	return err
}

// group has the files of one path in order.
type group struct {
	places []int
	size   int
	// partial: a file that cannot be parsed may belong to the group.
	partial bool
}

// groups groups the files by path, in the order of each group's first file, and reports
// refused and skipped files. It does not keep their contents, which may not fit into
// memory; the files are read again to be registered.
func (r *registration) groups() []*group {
	var groups []*group
	ofPath := map[string]*group{}
	var broken []string
	for place, file := range r.files {
		raw, problem := read(file.name)
		r.files[place].size = len(raw)
		seen := inspect(raw, problem == nil)
		switch {
		case !file.named && raw != nil && !seen.isResource():
			r.report.add(place, file.name, outcome{skipped: seen.why()})
			continue
		case problem != nil:
			r.report.add(place, file.name, outcome{refusal: problem})
			broken = append(broken, seen.path)
			continue
		case !seen.parsed:
			broken = append(broken, seen.path)
		}
		history := ofPath[seen.path]
		if history == nil || !seen.parsed || seen.path == "" {
			history = &group{}
			groups = append(groups, history)
		}
		if seen.parsed {
			ofPath[seen.path] = history
		}
		history.places = append(history.places, place)
		history.size += len(raw)
	}
	for _, path := range broken {
		if group := ofPath[path]; group != nil && path != "" {
			group.partial = true
		}
	}
	return groups
}

// history registers the files of one path. If that takes several calls, each continues where
// the previous one ended.
func (r *registration) history(ctx context.Context, whole *group) error {
	if len(whole.places) == 1 && !whole.partial {
		_, err := r.send(ctx, whole.places, nil)
		return err
	}
	reached, begin, size := int32(0), 0, 0
	for end := range whole.places {
		size += r.files[whole.places[end]].size
		last := end == len(whole.places)-1
		if !last && end-begin+1 < batchFiles && size+r.files[whole.places[end+1]].size <= batchBytes {
			continue
		}
		part := whole.places[begin : end+1]
		if r.DryRun && begin > 0 {
			// The previous call added nothing, so continue from its last file, which is
			// already reported.
			part = whole.places[begin-1 : end+1]
		}
		outcomes, err := r.send(ctx, part, &reached)
		if err != nil {
			return err
		}
		for _, outcome := range outcomes {
			reached = max(reached, outcome.revision)
		}
		begin, size = end+1, 0
	}
	return nil
}

// send registers files in one call and reports them.
func (r *registration) send(ctx context.Context, places []int, from *int32) ([]outcome, error) {
	b := batch{from: from, dryRun: r.DryRun, createTypes: r.CreateTypes}
	var sent []int
	for _, place := range places {
		name := r.files[place].name
		raw, problem := read(name)
		if problem != nil {
			r.report.add(place, name, outcome{refusal: problem})
			continue
		}
		b.files = append(b.files, file{name: name, text: string(raw), origin: r.origins[name]})
		sent = append(sent, place)
	}
	if len(sent) == 0 {
		return nil, nil
	}
	registered, err := r.target.register(ctx, b)
	if err != nil {
		return nil, err
	}
	if len(registered.outcomes) != len(sent) {
		return nil, fmt.Errorf("the answer has %d results for %d files", len(registered.outcomes), len(sent))
	}
	for i, place := range sent {
		b.files[i].locate(registered.outcomes[i].refusal)
		r.report.add(place, b.files[i].name, registered.outcomes[i])
	}
	r.report.addTypes(registered.createdTypes)
	return registered.outcomes, nil
}
