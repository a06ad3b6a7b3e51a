package cli

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"time"
)

// History is the command `history PATH`.
type History struct {
	Path string `arg:"" complete:"path" help:"The resource."`
	Remote
	Output
	Listing
}

const versionHistory = `query VersionHistory($path: String!, $first: Int!, $after: String, $count: Boolean!) {
  resource(path: $path) { versions(first: $first, after: $after) { ` + pageFields + `
    nodes { revision version timestamp type { name } source location isLatest previous { version timestamp } }
  } }
}`

// Run prints the versions of a resource, newest first, with the time since the previous
// version.
func (c *History) Run(ctx context.Context, stdout, stderr io.Writer) error {
	return c.read(ctx, &c.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		t := s.table("REVISION", "VERSION", "REGISTERED", "AFTER", "SOURCE", "LOCATION")
		fetch := func(page map[string]any) (*nodes, error) {
			page["path"] = c.Path
			var data struct {
				Resource *struct{ Versions nodes }
			}
			err := s.ask(ctx, versionHistory, page, &data)
			if err == nil && data.Resource == nil {
				err = s.unknownPath(ctx, c.Path)
			}
			if err != nil {
				return nil, err
			}
			return &data.Resource.Versions, nil
		}
		return s.list(c.Listing, "versions", t, fetch, func(node json.RawMessage) error {
			var version struct {
				Revision                  int
				Version, Source, Location string
				Timestamp                 time.Time
				Previous                  *struct{ Timestamp time.Time }
			}
			if err := decode(node, &version); err != nil {
				return err
			}
			between := ""
			if version.Previous != nil {
				between = span(version.Timestamp.Sub(version.Previous.Timestamp))
			}
			t.add(cell{text: strconv.Itoa(version.Revision)}, cell{version.Version, bold}, cell{s.at(version.Timestamp, toSeconds), dim},
				cell{text: between}, cell{text: version.Source}, cell{text: version.Location})
			return nil
		})
	})
}
