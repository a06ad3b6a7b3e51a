package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Show is the command `show PATH[@VERSION]`.
type Show struct {
	Path string `arg:"" name:"path[@version]" complete:"version" help:"The resource, and the version after the last @. Default: the latest."`

	Version *string `placeholder:"LABEL" help:"The version; an @ is then part of the path."`
	Meta    bool    `help:"Show the version's properties and meta, not its content."`
	Events  bool    `help:"Show the version's events, newest first, not its content."`
	Remote
	Output
	Listing
}

// Validate is called by kong.
func (c *Show) Validate() error {
	_, err := parsePathVersion(c.Path, c.Version)
	return cmp.Or(err, c.Listing.Validate())
}

const showVersion = `query ShowVersion($path: String!, $version: String) {
  version(path: $path, version: $version) {
    path version revision isLatest type { name } timestamp source location meta payload content
  }
}`

// Run prints the YAML text from which a version was registered, or else its payload.
func (c *Show) Run(ctx context.Context, stdout, stderr io.Writer) error {
	v, err := parsePathVersion(c.Path, c.Version)
	if err != nil {
		return err
	}
	return c.read(ctx, &c.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		if c.Events {
			return s.versionEvents(ctx, c.Listing, v)
		}
		var data struct{ Version json.RawMessage }
		if err := s.ask(ctx, showVersion, v.variables(), &data); err != nil {
			return err
		}
		switch {
		case isNull(data.Version):
			return s.unknownVersion(ctx, v)
		case s.JSON:
			return s.printJSON(data.Version)
		}
		return s.version(data.Version, c.Meta)
	})
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// version prints the content of a version or, with meta, its properties.
func (s *session) version(raw json.RawMessage, meta bool) error {
	var version struct {
		Path, Version, Source string
		Revision              int
		IsLatest              bool
		Type                  named
		Timestamp             time.Time
		Location, Content     *string
		Meta, Payload         json.RawMessage
	}
	if err := decode(raw, &version); err != nil {
		return err
	}
	switch {
	case meta:
		latest := ""
		if version.IsLatest {
			latest = ", the latest"
		}
		s.properties([][2]string{
			{"path", version.Path},
			{"type", version.Type.Name},
			{"version", version.Version},
			{"revision", strconv.Itoa(version.Revision) + latest},
			{"registered", s.at(version.Timestamp, toSeconds)},
			{"source", version.Source},
			{"location", value(version.Location)},
		})
		if isNull(version.Meta) {
			return nil
		}
		_, _ = s.WriteString(s.paint(dim, "meta") + "\n") // Flush returns the error
		return s.printIndented(version.Meta)
	case version.Content == nil:
		return s.printIndented(version.Payload)
	}
	content := *version.Content
	if s.terminal {
		content = escape(content)
	}
	if !strings.HasSuffix(content, "\n") && s.terminal {
		content += "\n"
	}
	_, err := s.WriteString(content)
	return err
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// properties prints a line for each name and value. It omits empty values.
func (s *screen) properties(properties [][2]string) {
	properties = slices.DeleteFunc(properties, func(property [2]string) bool { return property[1] == "" })
	longest := 0
	for _, property := range properties {
		longest = max(longest, len(property[0]))
	}
	var text bytes.Buffer
	for _, property := range properties {
		text.WriteString(s.paint(dim, property[0]) + strings.Repeat(" ", longest+2-len(property[0])) + inOneLine(property[1]) + "\n")
	}
	_, _ = s.Write(text.Bytes()) // Flush returns the error
}

const eventFields = `eventId type { name } path version { version } step status executionId timestamp message`

const versionEvents = `query VersionEvents($path: String!, $version: String, $first: Int!, $after: String, $count: Boolean!) {
  version(path: $path, version: $version) { events(first: $first, after: $after) { ` + pageFields + ` nodes { ` + eventFields + ` } } }
}`

// event is a node with eventFields.
type event struct {
	EventID                            string
	Type                               named
	Step, Status, ExecutionID, Message string
	Timestamp                          time.Time
}

// versionEvents prints the events of a version.
func (s *session) versionEvents(ctx context.Context, l Listing, v pathVersion) error {
	t := s.table("TIME", "TYPE", "STEP", "STATUS", "EXECUTION", "MESSAGE")
	fetch := func(page map[string]any) (*nodes, error) {
		page["path"], page["version"] = v.path, v.label
		var data struct{ Version *struct{ Events nodes } }
		err := s.ask(ctx, versionEvents, page, &data)
		if err == nil && data.Version == nil {
			err = s.unknownVersion(ctx, v)
		}
		if err != nil {
			return nil, err
		}
		return &data.Version.Events, nil
	}
	return s.list(l, "events", t, fetch, func(node json.RawMessage) error {
		var e event
		if err := decode(node, &e); err != nil {
			return err
		}
		t.add(cell{s.at(e.Timestamp, toSeconds), dim}, cell{e.Type.Name, bold}, cell{text: e.Step},
			cell{e.Status, statusStyle(e.Status)}, cell{text: e.ExecutionID}, cell{text: e.Message})
		return nil
	})
}
