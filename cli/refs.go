package cli

import (
	"context"
	"encoding/json"
	"io"
	"strings"
)

// Refs is the command `refs PATH`.
type Refs struct {
	Path string `arg:"" complete:"path" help:"The resource."`

	Outgoing bool `xor:"direction" help:"Print only what it calls and uses."`
	Incoming bool `xor:"direction" help:"Print only what calls it."`
	Remote
	Output
	Listing
}

const (
	referenceFields = `from { path } kind target step pointer templated resource { path }`

	references = `query References($path: String!, $first: Int!, $after: String, $count: Boolean!) {
  resource(path: $path) { list: references(first: $first, after: $after) { ` + pageFields + ` nodes { ` + referenceFields + ` }
  } }
}`
	referencedBy = `query ReferencedBy($path: String!, $first: Int!, $after: String, $count: Boolean!) {
  resource(path: $path) { list: referencedBy(first: $first, after: $after) { ` + pageFields + ` nodes { ` + referenceFields + ` }
  } }
}`
)

// reference is a node of references and referencedBy.
type reference struct {
	From                        struct{ Path string }
	Kind, Target, Step, Pointer string
	Templated                   bool
	Resource                    *struct{}
}

// target returns the target of a reference, marked if no resource was found.
func (r *reference) target() cell {
	switch {
	case r.Templated:
		return cell{r.Target + " (known at run time)", yellow}
	case r.Kind == "PLAYBOOK" && r.Resource == nil:
		return cell{r.Target + " (not found)", red}
	}
	return cell{r.Target, bold}
}

// Run prints what the latest version of a resource calls and uses, in the order of the
// payload, and which resources call it.
func (c *Refs) Run(ctx context.Context, stdout, stderr io.Writer) error {
	return c.read(ctx, &c.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		if !c.Incoming {
			t := s.table("USES", "TARGET", "STEP", "POINTER")
			err := s.references(ctx, c, "references", references, t, func(r *reference) {
				t.add(cell{text: strings.ToLower(r.Kind)}, r.target(), cell{text: r.Step}, cell{r.Pointer, dim})
			})
			if err != nil || c.Outgoing {
				return err
			}
			if t.widths != nil {
				_, _ = s.WriteString("\n") // Flush returns the error
			}
		}
		t := s.table("CALLED BY", "STEP", "POINTER")
		return s.references(ctx, c, "callers", referencedBy, t, func(r *reference) {
			t.add(cell{r.From.Path, bold}, cell{text: r.Step}, cell{r.Pointer, dim})
		})
	})
}

// references prints the references in one direction.
func (s *session) references(ctx context.Context, c *Refs, what, query string, t *table, row func(*reference)) error {
	fetch := func(page map[string]any) (*nodes, error) {
		page["path"] = c.Path
		var data struct{ Resource *struct{ List nodes } }
		err := s.ask(ctx, query, page, &data)
		if err == nil && data.Resource == nil {
			err = s.unknownPath(ctx, c.Path)
		}
		if err != nil {
			return nil, err
		}
		return &data.Resource.List, nil
	}
	return s.list(c.Listing, what, t, fetch, func(node json.RawMessage) error {
		var r reference
		if err := decode(node, &r); err != nil {
			return err
		}
		row(&r)
		return nil
	})
}
