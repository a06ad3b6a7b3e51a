// Package cli has the commands of the noetl-catalog binary that are a
// client's: register.
//
//	command := cli.Register{Paths: []string{"examples"}, Server: "http://127.0.0.1:8080"}
//	err := command.Run(ctx, os.Stdout, os.Stderr)
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrRefused is Run's error where some files were not registered; each has
// been reported by then.
var ErrRefused = errors.New("some files were refused")

// Register is the command `register FILE|DIR…`.
type Register struct {
	Paths       []string `arg:"" name:"path" help:"Files, and directories that are walked for .yaml, .yml and .json."`
	Server      string   `env:"CATALOG_SERVER" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The running server. Default: ${default}."`
	Token       string   `env:"CATALOG_TOKEN" placeholder:"TOKEN" help:"Sent as Authorization: Bearer."`
	DatabaseURL string   `name:"database-url" placeholder:"URL" help:"Register straight into this database, without a server. Only this flag says so, no environment variable."`
	DryRun      bool     `help:"Tell what would happen, and write nothing."`
	Quiet       bool     `help:"Show no progress and no summary, only what was refused."`
}

// registrar registers a batch of files. The answer has an outcome for each.
type registrar interface {
	register(ctx context.Context, batch []file, dryRun bool) ([]outcome, error)
	close()
}

// outcome is what became of a file.
type outcome struct {
	// status is REGISTERED, UPDATED or UNCHANGED; empty for a refused file.
	status string
	// path and version are what it is registered as.
	path, version string
	refusal       *refusal
}

// refusal says why a file was not registered.
type refusal struct {
	code, argument, message string
	line, column            int // from 1; 0 where unknown
}

// A batch is at most this long: one request, well within the server's limits.
const (
	batchFiles = 50
	batchBytes = 4 << 20
)

// Run registers the files, in their order, and reports to stdout; progress
// goes to stderr. It returns ErrRefused where some were refused.
func (r *Register) Run(ctx context.Context, stdout, stderr io.Writer) error {
	start := time.Now()
	names, err := walk(r.Paths)
	if err != nil {
		return err
	}
	target, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer target.close()

	report := newReport(r, len(names), stdout, stderr)
	for len(names) > 0 {
		batch, refused, rest := nextBatch(names)
		outcomes := refused
		if len(batch) > 0 {
			answered, err := target.register(ctx, batch, r.DryRun)
			if err != nil {
				report.abandon()
				if report.done > 0 {
					err = fmt.Errorf("after %d of %d files: %w", report.done, report.total, err)
				}
				return err
			}
			if len(answered) != len(batch) {
				return fmt.Errorf("the answer has %d results for %d files", len(answered), len(batch))
			}
			for i, file := range batch {
				file.locate(answered[i].refusal)
				outcomes[file.name] = answered[i]
			}
		}
		for _, name := range names[:len(names)-len(rest)] {
			report.add(name, outcomes[name])
		}
		names = rest
	}
	report.finish(time.Since(start))
	if report.refused > 0 {
		return ErrRefused
	}
	return nil
}

func (r *Register) open(ctx context.Context) (registrar, error) {
	if r.DatabaseURL != "" {
		return openDirect(ctx, r.DatabaseURL)
	}
	return newRemote(r.Server, r.Token)
}

// nextBatch reads files until a batch is full. Those that cannot be read are
// refused here.
func nextBatch(names []string) (batch []file, refused map[string]outcome, rest []string) {
	refused = map[string]outcome{}
	size := 0
	for i, name := range names {
		if len(batch) == batchFiles {
			return batch, refused, names[i:]
		}
		read, problem := readFile(name)
		if problem != nil {
			refused[name] = outcome{refusal: problem}
			continue
		}
		if len(batch) > 0 && size+len(read.text) > batchBytes {
			return batch, refused, names[i:]
		}
		size += len(read.text)
		batch = append(batch, read)
	}
	return batch, refused, nil
}
