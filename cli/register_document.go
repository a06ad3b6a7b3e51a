package cli

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/catalog/yaml"
)

// document is what a file says of itself.
type document struct {
	// parsed: it was read as YAML or JSON. Else the rest is what its lines look
	// like.
	parsed                 bool
	apiVersion, kind, path string
}

// inspectedBytes is how much of a file is looked at that is no document.
const inspectedBytes = 64 << 10

// inspect looks at a file's text; sound says that it is text.
func inspect(raw []byte, sound bool) document {
	if sound {
		if read, err := yaml.Parse("payload", string(raw), catalog.DefaultLimits()); err == nil {
			var top map[string]json.RawMessage
			var apiVersion string
			if json.Unmarshal(read.JSON, &top) == nil && json.Unmarshal(top["apiVersion"], &apiVersion) != nil {
				apiVersion = ""
			}
			return document{parsed: true, apiVersion: apiVersion, kind: read.Kind, path: read.Path}
		}
	}
	raw = raw[:min(len(raw), inspectedBytes)]
	for _, mark := range []string{"\ufeff", "\xff\xfe", "\xfe\xff"} {
		raw = bytes.TrimPrefix(raw, []byte(mark))
	}
	raw = bytes.ReplaceAll(raw, []byte{0}, nil) // of UTF-16
	return document{
		apiVersion: firstMatch(apiVersionLine, raw), kind: firstMatch(kindLine, raw), path: firstMatch(pathLine, raw),
	}
}

// A key of the outermost mapping, in blocks or in braces, with its value. A path
// may stand in metadata, one level deeper; those far deeper are of other things.
var (
	apiVersionLine = regexp.MustCompile(`(?m)(?:^|[{,]\s*)["']?apiVersion["']?\s*:\s*["']?([^\s"',{}]+)`)
	kindLine       = regexp.MustCompile(`(?m)(?:^|[{,]\s*)["']?kind["']?\s*:\s*["']?([^\s"',]+)`)
	pathLine       = regexp.MustCompile(`(?m)(?:^ {0,4}|[{,]\s*)["']?path["']?\s*:\s*["']?([^\s"',{}]+)`)
)

func firstMatch(line *regexp.Regexp, raw []byte) string {
	match := line.FindSubmatch(raw)
	if match == nil {
		return ""
	}
	return string(match[1])
}

// isResource says whether a file that a walk has met looks like a resource,
// sound or broken. package.json and a compose file do not: they have no kind.
// Nor does another system's manifest, which has an apiVersion of its own and no
// path.
func (d document) isResource() bool {
	switch {
	case strings.HasPrefix(d.apiVersion, "noetl.io/"):
		return true
	case d.apiVersion != "":
		return d.kind != "" && d.path != ""
	}
	return d.kind != ""
}

// why says what keeps it from being a resource.
func (d document) why() string {
	switch {
	case d.kind == "":
		return "has no kind"
	default:
		return "has no path, and the apiVersion " + d.apiVersion
	}
}
