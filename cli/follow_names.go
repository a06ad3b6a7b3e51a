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

// knownNames reads the names that a filter's are compared with.
const knownNames = `query KnownNames($paths: [String!]!, $byPath: Boolean!, $prefix: String!, $byPrefix: Boolean!) {
  eventTypes { name } openEventTypes resourceTypes { name }
  resourcesByPath(paths: $paths) @include(if: $byPath) { path }
  resources(first: 1, filter: {pathPrefix: $prefix}) @include(if: $byPrefix) { nodes { path } }
}`

type named struct{ Name string }

// known are a server's names.
type known struct {
	EventTypes, ResourceTypes []named
	OpenEventTypes            bool
	ResourcesByPath           []*struct{}
	Resources                 *struct{ Nodes []struct{} }
}

// names reports a filter that no event passes, which would be followed in
// silence. It is an error for names that only an administrator can add, since
// they are probably misspelt, and a warning for what may still be registered.
func (f *Follow) names(known *known, warn func(string)) error {
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

// narrows reports whether the filter has names to check.
func (f *Follow) narrows() bool {
	return f.Type != nil || f.ExcludeType != nil || f.ResourceType != nil || f.Path != nil || f.PathPrefix != nil || f.Version != nil
}

// A message lists at most maxNamed known names, and maxMeant similar ones.
const (
	maxNamed = 50
	maxMeant = 3
)

// unknown is the message that a name is not known, with similar names; empty if
// it is known.
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

// nearest are the names similar to another, the most similar first: those that
// differ in a third of their characters at most, or that contain it. It ignores case
// and what joins words.
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

// checkNames checks the names of the filter once. If the server refuses the
// query, the subscription shows what is wrong.
func (f *follower) checkNames(ctx context.Context) error {
	command := f.command
	if f.checked || !command.narrows() {
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
	return command.names(known, f.notices.warn)
}
