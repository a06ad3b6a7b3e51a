package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Diff is the command `diff PATH@A PATH@B`.
type Diff struct {
	Path string `arg:"" name:"path[@version]" complete:"version" help:"The resource, and a version of it. Alone: the version that is compared with the previous one. Default: the latest."`
	To   string `arg:"" optional:"" name:"path@version" complete:"version" help:"The version that the first is compared with."`

	Version *string `placeholder:"LABEL" help:"The version that is compared; an @ is then part of the path."`
	Against *string `placeholder:"LABEL" help:"The version that it is compared with. Default: the previous one."`
	Remote
	Output
}

// versions returns the version and the label of the version to compare it with.
func (c *Diff) versions() (v pathVersion, against *string, err error) {
	if c.To == "" {
		v, err = parsePathVersion(c.Path, c.Version)
		return v, c.Against, err
	}
	if c.Version != nil || c.Against != nil {
		return v, nil, errors.New("--version and --against are for one path: diff PATH --version B --against A")
	}
	from, err := parsePathVersion(c.Path, nil)
	if err != nil {
		return v, nil, err
	}
	if v, err = parsePathVersion(c.To, nil); err != nil {
		return v, nil, err
	}
	if from.path != v.path {
		return v, nil, fmt.Errorf("%q and %q are two resources: diff compares versions of one", from.path, v.path)
	}
	if from.label == nil {
		from.label = new("latest")
	}
	return v, from.label, nil
}

// Validate is called by kong.
func (c *Diff) Validate() error {
	_, _, err := c.versions()
	return err
}

const diffVersions = `query DiffVersions($path: String!, $version: String, $against: String) {
  version(path: $path, version: $version) {
    diff(against: $against) { base { path version } version { path version } text changes { kind pointer before after } patch }
  }
}`

const diffVersionsAsText = `query DiffVersionsAsText($path: String!, $version: String, $against: String) {
  version(path: $path, version: $version) { diff(against: $against) { base { version } version { version } text } }
}`

// Run prints the difference of two versions as a unified diff.
func (c *Diff) Run(ctx context.Context, stdout, stderr io.Writer) error {
	v, against, err := c.versions()
	if err != nil {
		return err
	}
	return c.read(ctx, &c.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		variables, query := v.variables(), diffVersionsAsText
		variables["against"] = against
		if s.JSON {
			query = diffVersions
		}
		var data struct {
			Version *struct{ Diff json.RawMessage }
		}
		if err := s.ask(ctx, query, variables, &data); err != nil {
			return err
		}
		switch {
		case data.Version == nil:
			return s.unknownVersion(ctx, v)
		case s.JSON:
			return s.printJSON(data.Version.Diff)
		}
		return s.diff(data.Version.Diff)
	})
}

// diff prints a unified diff in its colours.
func (s *session) diff(raw json.RawMessage) error {
	var diff struct {
		Text    string
		Base    *struct{ Version string }
		Version struct{ Version string }
	}
	if err := decode(raw, &diff); err != nil {
		return err
	}
	switch {
	case diff.Text != "":
	case diff.Base == nil:
		s.note("%s has no previous version", diff.Version.Version)
	default:
		s.note("no difference between %s and %s", diff.Base.Version, diff.Version.Version)
	}
	text := diff.Text
	if s.terminal {
		text = escape(text)
	}
	heading := 2 // lines
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		style := plain
		switch {
		case heading > 0:
			style = bold
			heading--
		case strings.HasPrefix(line, "@@"):
			style = cyan
		case strings.HasPrefix(line, "-"):
			style = red
		case strings.HasPrefix(line, "+"):
			style = green
		}
		_, _ = s.WriteString(s.paint(style, line)) // Flush returns the error
		if ended {
			_ = s.WriteByte('\n') // Flush returns the error
		}
	}
	return nil
}
