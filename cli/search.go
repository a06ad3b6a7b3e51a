package cli

import (
	"cmp"
	"context"
	"io"
	"strings"
)

// Search is the command `search WORDS…`.
type Search struct {
	Words []string `arg:"" help:"Words of the path, the name, the description or the tags, ignoring case and accents. A resource has them all."`
	ResourceFilter
	Remote
	Output
	Listing
}

// Validate is called by kong.
func (c *Search) Validate() error { return cmp.Or(c.Listing.Validate(), c.ResourceFilter.Validate()) }

// Run prints the resources that match all words, the best matches first.
func (c *Search) Run(ctx context.Context, stdout, stderr io.Writer) error {
	filter, err := c.variables(map[string]any{"search": strings.Join(c.Words, " ")})
	if err != nil {
		return err
	}
	return c.read(ctx, &c.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		return s.resources(ctx, c.Listing, map[string]any{"filter": filter})
	})
}
