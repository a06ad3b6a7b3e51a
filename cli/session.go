package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/noetl/noetl-catalog/client"
)

// Remote says which server to ask.
type Remote struct {
	Server string `env:"CATALOG_SERVER" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The running server. Default: ${default}."`
	Token  string `env:"CATALOG_TOKEN" placeholder:"TOKEN" help:"Sent as Authorization: Bearer."`
}

// session is one run of a command that reads from a server and prints the result.
type session struct {
	*screen
	client *client.Client
}

// silence is the time after which an answer counts as lost: longer than the longest
// --query-timeout.
const silence = 6 * time.Minute

// read runs a command. It returns nil if the reader of stdout closes the pipe.
func (r *Remote) read(ctx context.Context, output *Output, stdout, stderr io.Writer, run func(context.Context, *session) error) error {
	c, err := newClient(r.Server, r.Token)
	if err != nil {
		return err
	}
	c.Silence = silence
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	screen := newScreen(output, stdout, stderr)
	return screen.close(run(ctx, &session{screen, c}))
}

// ask sends a query.
func (s *session) ask(ctx context.Context, query string, variables map[string]any, data any) error {
	return explain(s.client.Endpoint, s.client.Do(ctx, query, variables, data))
}

// explain adds to an error what failed and what the user can do.
func explain(endpoint string, err error) error {
	refused, isRefused := errors.AsType[*client.Error](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no server answers at %s: start one with `noetl-catalog serve`, or name another with --server", endpoint)
	case isRefused && refused.Extensions.Code == "UNAUTHENTICATED":
		return fmt.Errorf("the server refused the request: %s; --token or CATALOG_TOKEN sets the token", inOneLine(refused.Error()))
	case isRefused:
		return fmt.Errorf("the server refused the request: %s", inOneLine(refused.Error()))
	}
	return fmt.Errorf("ask the server at %s: %w", endpoint, err)
}

const similarPaths = `query SimilarPaths($folder: String!) {
  near: resources(first: 200, filter: {pathPrefix: $folder}) { nodes { name: path } }
  all: resources(first: 200) { nodes { name: path } }
}`

// unknownPath returns the error for a path that is not registered, with similar paths.
func (s *session) unknownPath(ctx context.Context, path string) error {
	var data struct{ Near, All struct{ Nodes []named } }
	// If this fails, the message has no suggestion.
	_ = s.client.Do(ctx, similarPaths, map[string]any{"folder": path[:strings.LastIndex(path, "/")+1]}, &data)
	hint := "`noetl-catalog list` shows what is registered"
	registered := slices.Concat(data.Near.Nodes, data.All.Nodes)
	slices.SortFunc(registered, func(a, b named) int { return strings.Compare(a.Name, b.Name) })
	if meant := nearest(path, slices.Compact(registered)); len(meant) > 0 {
		hint = inOneLine("did you mean " + strings.Join(meant, " or ") + "?")
	}
	return fmt.Errorf("nothing is registered at %q (%s)", path, hint)
}

const versionLabels = `query VersionLabels($path: String!) {
  resource(path: $path) { versions(first: 50) { nodes { name: version } } }
}`

// unknownVersion returns the error for a version that does not exist, or for its path.
func (s *session) unknownVersion(ctx context.Context, v pathVersion) error {
	var data struct {
		Resource *struct{ Versions struct{ Nodes []named } }
	}
	if err := s.ask(ctx, versionLabels, map[string]any{"path": v.path}, &data); err != nil {
		return err
	}
	if data.Resource == nil {
		err := s.unknownPath(ctx, v.path)
		if v.label != nil && v.split {
			err = fmt.Errorf("%w; --version takes the version of a path that holds an @", err)
		}
		return err
	}
	if v.label == nil { // registered since
		return fmt.Errorf("nothing was registered at %q yet", v.path)
	}
	return errors.New(unknown(fmt.Sprintf("version of %q with the label", v.path), *v.label, data.Resource.Versions.Nodes))
}

// pathVersion is an argument PATH@VERSION. Without a label it is the latest version.
type pathVersion struct {
	path  string
	label *string
	// split: the label is from the argument, not from a flag.
	split bool
}

// parsePathVersion splits an argument at its last @. It does not if a flag has the label,
// since a path may contain an @.
func parsePathVersion(argument string, flag *string) (pathVersion, error) {
	at := strings.LastIndexByte(argument, '@')
	switch {
	case flag != nil:
		return pathVersion{path: argument, label: flag}, nil
	case at < 0:
		return pathVersion{path: argument}, nil
	case at == 0 || at == len(argument)-1:
		return pathVersion{}, fmt.Errorf("%q is not of the form PATH or PATH@VERSION; --version takes the version of a path that holds an @", argument)
	}
	label := argument[at+1:]
	return pathVersion{path: argument[:at], label: &label, split: true}, nil
}

func (v pathVersion) variables() map[string]any {
	return map[string]any{"path": v.path, "version": v.label}
}

// decode decodes a node of an answer.
func decode(raw json.RawMessage, node any) error {
	if err := json.Unmarshal(raw, node); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
