package cli

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io"
	"os"
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

// Complete is the command `complete`, which the scripts of completion run. It prints what
// the last word may become, a candidate a line, where known with a tab and a description.
type Complete struct {
	// Words are those after the program's name; the last may be empty.
	Words []string
	// Commands is the model of the command line.
	Commands *kong.Node
}

// Run prints candidates. It fails silently: a shell has no place for messages.
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
		candidates = remote.values(ctx, node.Positional[min(positionals, len(node.Positional)-1)], word)
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

// summary is the first sentence of a flag's help.
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

// flagsOf are the flags of a command and, at the root, those of the default command.
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

// What completion asks a server for, by the tag `complete` of an argument or a flag.
const (
	pathNames = `query CompletePaths($word: String!) {
  answer: resources(first: 200, filter: {pathPrefix: $word}) { nodes { name: path } }
}`
	versionNames = `query CompleteVersions($word: String!) {
  answer: resource(path: $word) { versions(first: 200) { nodes { name: version } } }
}`
	runNames = `query CompleteRuns {
  answer: executions(first: 50) { nodes { name: executionId status version { path } } }
}`
	resourceTypeNames = `query CompleteResourceTypes { answer: resourceTypes { name } }`
	eventTypeNames    = `query CompleteEventTypes { answer: eventTypes { name } }`
)

// values are the candidates for a value: those of its enum, or names of the server.
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
	ask := func(query string, answer any) {
		// Without an answer there are no candidates.
		_ = c.Do(ctx, query, map[string]any{"word": word}, &struct{ Answer any }{answer})
	}
	var page struct{ Nodes []named }
	var names []named
	switch kind := value.Tag.Get("complete"); kind {
	case "version":
		if at := strings.LastIndexByte(word, '@'); at > 0 {
			var resource struct{ Versions struct{ Nodes []named } }
			path := word[:at+1]
			word = word[:at]
			ask(versionNames, &resource)
			for _, version := range resource.Versions.Nodes {
				names = append(names, named{path + version.Name})
			}
			break
		}
		fallthrough
	case "path":
		ask(pathNames, &page)
		names = folded(page.Nodes, len(word))
	case "run":
		var runs struct {
			Nodes []struct {
				named
				Status  string
				Version struct{ Path string }
			}
		}
		ask(runNames, &runs)
		for _, run := range runs.Nodes {
			names = append(names, named{run.Name + "\t" + strings.ToLower(run.Status) + " " + run.Version.Path})
		}
	case "resource-type":
		ask(resourceTypeNames, &names)
	case "event-type":
		ask(eventTypeNames, &names)
	}
	for _, name := range names {
		candidates = append(candidates, escape(strings.ReplaceAll(name.Name, "\n", " ")))
	}
	return candidates
}

// maxPaths is how many paths are offered whole.
const maxPaths = 30

// folded are paths, or if they are many, their beginnings up to the next slash.
func folded(paths []named, typed int) (names []named) {
	if len(paths) <= maxPaths {
		return paths
	}
	for _, path := range paths {
		if slash := strings.IndexByte(path.Name[min(typed, len(path.Name)):], '/'); slash >= 0 {
			path.Name = path.Name[:typed+slash+1]
		}
		if len(names) == 0 || names[len(names)-1] != path {
			names = append(names, path)
		}
	}
	return names
}
