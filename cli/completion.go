package cli

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Completion is the command `completion`.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: ${enum}."`
}

// The scripts run the command `complete` for the words before the cursor.
//
//go:embed completion
var completionScripts embed.FS

// Run prints the script that completes commands in a shell.
func (c *Completion) Run(stdout io.Writer) error {
	script, err := completionScripts.ReadFile("completion/noetl-catalog." + c.Shell)
	if err != nil {
		return fmt.Errorf("read the script: %w", err)
	}
	_, err = stdout.Write(script)
	return err
}

// Complete is the command `complete`, which the completion scripts run. It prints the
// candidates for the last word, one per line, followed by a tab and a description if there
// is one.
type Complete struct {
	// Words are the words after the program's name; the last may be empty.
	Words []string
	// Commands is the model of the command line.
	Commands *kong.Node
}

// Run prints candidates. It fails silently, since a message would disturb the prompt.
func (c *Complete) Run(ctx context.Context, stdout io.Writer) error {
	if len(c.Words) == 0 {
		return nil
	}
	last := len(c.Words) - 1
	word := c.Words[last]
	node := c.Commands
	var awaited *kong.Value // the flag whose value follows
	remote := Remote{Server: cmp.Or(os.Getenv("CATALOG_SERVER"), "http://127.0.0.1:8080"), Token: os.Getenv("CATALOG_TOKEN")}
	set := func(flag *kong.Value, value string) {
		switch flag.Name {
		case "server":
			remote.Server = value
		case "token":
			remote.Token = value
		}
	}
	positionals, flagsEnded := 0, false
	for _, word := range c.Words[:last] {
		switch name, value, hasValue := strings.Cut(word, "="); {
		case awaited != nil:
			set(awaited, word)
			awaited = nil
		case word == "--":
			flagsEnded = true
		case !flagsEnded && strings.HasPrefix(word, "-") && word != "-":
			if flag := flagOf(node, name); flag != nil && hasValue {
				set(flag, value)
			} else if flag != nil && !flag.IsBool() {
				awaited = flag
			}
		case command(node, word) != nil:
			node = command(node, word)
		default:
			positionals++
		}
	}
	name, value, hasValue := strings.Cut(word, "=")
	var candidates []string
	switch {
	case awaited != nil:
		candidates = remote.values(ctx, awaited, word)
	case !flagsEnded && strings.HasPrefix(word, "-") && hasValue:
		if flag := flagOf(node, name); flag != nil {
			for _, candidate := range remote.values(ctx, flag, value) {
				candidates = append(candidates, name+"="+candidate)
			}
		}
	case !flagsEnded && strings.HasPrefix(word, "-"):
		for _, flag := range flagsOf(node) {
			candidates = append(candidates, "--"+flag.Name+"\t"+summary(flag.Help))
		}
	case len(node.Children) > 0:
		for _, child := range node.Children {
			candidates = append(candidates, child.Name+"\t"+child.Help)
		}
	case len(node.Positional) > 0:
		positional := node.Positional[min(positionals, len(node.Positional)-1)]
		if positionals < len(node.Positional) || positional.IsCumulative() {
			candidates = remote.values(ctx, positional, word)
		}
	}
	for _, candidate := range candidates {
		if strings.HasPrefix(candidate, word) {
			if _, err := fmt.Fprintln(stdout, candidate); err != nil {
				return err
			}
		}
	}
	return nil
}

// summary returns the first sentence of a flag's help.
func summary(help string) string {
	sentence, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(sentence, ".")
}

func command(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// flagsOf returns the flags of a command and, at the root, those of the default command.
func flagsOf(node *kong.Node) (flags []*kong.Flag) {
	if node.DefaultCmd != nil {
		flags = append(flags, node.DefaultCmd.Flags...)
	}
	for ; node != nil; node = node.Parent {
		flags = append(flags, node.Flags...)
	}
	return flags
}

func flagOf(node *kong.Node, name string) *kong.Value {
	for _, flag := range flagsOf(node) {
		if "--"+flag.Name == name {
			return flag.Value
		}
	}
	return nil
}

// The queries of completion, by the tag `complete` of an argument or a flag.
const (
	// The part about paths that begin with the word is for levels too large to be read
	// completely.
	levelPaths = `query CompletePaths($folder: String!, $folders: String, $resources: String, $word: String!, $begin: Boolean!) {
  folder(path: $folder) {
    folders(first: 200, after: $folders) { nodes { name: path } pageInfo { hasNextPage endCursor } }
    resources(first: 200, after: $resources) { nodes { name: path } pageInfo { hasNextPage endCursor } }
  }
  beginning: resources(first: 200, filter: {pathPrefix: $word}) @include(if: $begin) { nodes { name: path } }
}`
	versionNames = `query CompleteVersions($word: String!) {
  resource(path: $word) { versions(first: 200) { nodes { name: version } } }
}`
	runNames = `query CompleteRuns {
  executions(first: 50) { nodes { name: executionId status version { path } } }
}`
	resourceTypeNames = `query CompleteResourceTypes { names: resourceTypes { name } }`
	eventTypeNames    = `query CompleteEventTypes { names: eventTypes { name } }`
	facetNames        = `query CompleteFacets { facets: resourceFacets { %s { name } } }`
)

// values returns the candidates for a value: those of its enum, or names from the server.
func (r *Remote) values(ctx context.Context, value *kong.Value, word string) (candidates []string) {
	if value.Enum != "" {
		return value.EnumSlice()
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := newClient(r.Server, r.Token)
	if err != nil {
		return nil
	}
	defer c.Close()
	ask := func(query string, variables map[string]any, answer any) {
		_ = c.Do(ctx, query, variables, answer) // without an answer there are no candidates
	}
	var data struct {
		Resource   struct{ Versions struct{ Nodes []named } }
		Executions struct {
			Nodes []struct {
				named
				Status  string
				Version struct{ Path string }
			}
		}
		Names  []named
		Facets map[string][]named
	}
	switch kind := value.Tag.Get("complete"); kind {
	case "version":
		if at := strings.LastIndexByte(word, '@'); at > 0 {
			ask(versionNames, map[string]any{"word": word[:at]}, &data)
			for _, version := range data.Resource.Versions.Nodes {
				candidates = append(candidates, word[:at+1]+version.Name)
			}
			break
		}
		fallthrough
	case "path":
		candidates = paths(ask, word)
	case "run":
		ask(runNames, nil, &data)
		for _, run := range data.Executions.Nodes {
			candidates = append(candidates, run.Name+"\t"+strings.ToLower(run.Status)+" "+run.Version.Path)
		}
	case "resource-type":
		ask(resourceTypeNames, nil, &data)
	case "event-type":
		ask(eventTypeNames, nil, &data)
	case "tools", "credentials", "tags":
		ask(fmt.Sprintf(facetNames, kind), nil, &data)
	}
	for _, name := range slices.Concat(data.Names, slices.Concat(slices.Collect(maps.Values(data.Facets))...)) {
		candidates = append(candidates, name.Name)
	}
	for i, candidate := range candidates {
		candidates[i] = escape(strings.ReplaceAll(candidate, "\n", " "))
	}
	return candidates
}

// maxLevelPages bounds the number of pages read of a level. Entries beyond it are offered
// once the word is long enough to select them.
const maxLevelPages = 10

// paths returns the candidates for a word on its level of the tree: folders, which end with
// a slash, and resources.
func paths(ask func(query string, variables map[string]any, answer any), word string) []string {
	type page struct {
		Nodes    []named
		PageInfo struct {
			HasNextPage bool
			EndCursor   string
		}
	}
	folder := word[:strings.LastIndexByte(word, '/')+1]
	variables := map[string]any{"word": word, "folder": folder, "begin": true}
	found := map[string]bool{}
	for range maxLevelPages {
		var level struct {
			Folder    struct{ Folders, Resources page }
			Beginning page
		}
		ask(levelPaths, variables, &level)
		for _, resource := range level.Beginning.Nodes {
			name, _, deeper := strings.Cut(strings.TrimPrefix(resource.Name, folder), "/")
			if name = folder + name; deeper {
				name += "/"
			}
			found[name] = true
		}
		variables["begin"] = false
		more := false
		for name, page := range map[string]page{"folders": level.Folder.Folders, "resources": level.Folder.Resources} {
			for _, node := range page.Nodes {
				found[node.Name] = true
			}
			if more = more || page.PageInfo.HasNextPage; len(page.Nodes) > 0 {
				variables[name] = page.PageInfo.EndCursor
			}
		}
		if !more {
			break
		}
	}
	return slices.Sorted(maps.Keys(found))
}
