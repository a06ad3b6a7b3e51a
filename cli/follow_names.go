package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/noetl/noetl-catalog/client"
)

// knownNames queries the names with which the filter's names are compared.
const knownNames = `query KnownNames($paths: [String!]!, $byPath: Boolean!, $prefix: String!, $byPrefix: Boolean!) {
  eventTypes { name } openEventTypes resourceTypes { name }
  resourcesByPath(paths: $paths) @include(if: $byPath) { path }
  resources(first: 1, filter: {pathPrefix: $prefix}) @include(if: $byPrefix) { nodes { path } }
}`

type named struct{ Name string }

// known has the names that exist on a server.
type known struct {
	EventTypes, ResourceTypes []named
	OpenEventTypes            bool
	ResourcesByPath           []*struct{}
	Resources                 *struct{ Nodes []struct{} }
}

// checkAgainst reports unknown names in the filter, since following would silently print
// nothing. It returns an error for a name that only an administrator can add, since it is
// probably misspelt, and warns about a name that may still be registered.
func (f *Follow) checkAgainst(known *known, warn func(string)) error {
	for flag, names := range map[string][]string{"--type": f.Type, "--exclude-type": f.ExcludeType} {
		for _, name := range names {
			problem := unknown("event type", name, known.EventTypes)
			switch {
			case problem == "":
			case known.OpenEventTypes:
				warn(problem + "; waiting for one to be recorded")
			default:
				return &finalError{errors.New(flag + ": " + problem)}
			}
		}
	}
	for _, name := range f.ResourceType {
		if problem := unknown("resource type", name, known.ResourceTypes); problem != "" {
			return &finalError{errors.New("--resource-type: " + problem)}
		}
	}
	for i, path := range f.Path {
		if i >= len(known.ResourcesByPath) || known.ResourcesByPath[i] == nil {
			warn(fmt.Sprintf("nothing is registered at the path %q; waiting for it", path))
		}
	}
	if f.PathPrefix != nil && (known.Resources == nil || len(known.Resources.Nodes) == 0) {
		warn(fmt.Sprintf("no registered path begins with %q; waiting for one", *f.PathPrefix))
	}
	if f.Version != nil && *f.Version == "latest" {
		warn("--version takes labels, and no version can be labelled latest")
	}
	return nil
}

// hasNames reports whether the filter has names to check.
func (f *Follow) hasNames() bool {
	return f.Type != nil || f.ExcludeType != nil || f.ResourceType != nil || f.Path != nil || f.PathPrefix != nil || f.Version != nil
}

// A message lists at most maxNamed known names and maxMeant similar ones.
const (
	maxNamed = 50
	maxMeant = 3
)

// unknown returns the message that a name is unknown, with similar names, or an empty
// string if the name is known.
func unknown(what, name string, known []named) string {
	if slices.Contains(known, named{name}) {
		return ""
	}
	problem := fmt.Sprintf("this server has no %s %q", what, name)
	if meant := nearest(name, known); len(meant) > 0 {
		return problem + inOneLine(" (did you mean "+strings.Join(meant, " or ")+"?)")
	}
	var list []string
	for _, other := range known[:min(len(known), maxNamed)] {
		list = append(list, other.Name)
	}
	more := ""
	if rest := len(known) - len(list); rest > 0 {
		more = fmt.Sprintf(" and %d more", rest)
	}
	return problem + inOneLine(" (it has "+strings.Join(list, ", ")+more+")")
}

// nearest returns the names similar to a name, the most similar first: those that differ in
// at most a third of their characters, or that contain it. It ignores case and word
// separators.
func nearest(name string, known []named) []string {
	joined := strings.NewReplacer("-", "_", ".", "_", " ", "_")
	folded := func(s string) string { return joined.Replace(strings.ToLower(s)) }
	wanted := folded(name)
	distance := func(name string) int { return levenshtein.ComputeDistance(wanted, folded(name)) }
	var names []string
	for _, other := range known {
		plain := folded(other.Name)
		if 3*distance(other.Name) <= max(len(wanted), len(plain)) || len(wanted) >= 3 && strings.Contains(plain, wanted) {
			names = append(names, other.Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(distance(a), distance(b)) })
	return names[:min(len(names), maxMeant)]
}

// checkNames checks the names of the filter once. It ignores a refusal of the query, since
// the server then refuses the subscription with the same error.
func (f *follower) checkNames(ctx context.Context) error {
	command := f.command
	if f.checked || !command.hasNames() {
		return nil
	}
	known := &known{}
	err := f.client.Do(ctx, knownNames, map[string]any{
		"paths": append([]string{}, command.Path...), "byPath": command.Path != nil,
		"prefix": *cmp.Or(command.PathPrefix, new("")), "byPrefix": command.PathPrefix != nil,
	}, known)
	if err != nil && client.Temporary(err) {
		return err
	}
	f.checked = true
	if err != nil {
		return nil
	}
	return command.checkAgainst(known, f.notices.warn)
}
