package cli

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/catalog/yaml"
)

// document has the keys of a file that show whether it is a resource.
type document struct {
	// parsed: the file is valid YAML or JSON. Otherwise the other fields are guessed from
	// its lines.
	parsed                 bool
	apiVersion, kind, path string
}

// inspectedBytes is the length of the part of an invalid file that is inspected.
const inspectedBytes = 64 << 10

// inspect returns the keys of a file. sound: the file is valid text.
func inspect(raw []byte, sound bool) document {
	if sound {
		if read, err := yaml.Parse("payload", string(raw), catalog.DefaultLimits()); err == nil {
			var top map[string]json.RawMessage
			_ = json.Unmarshal(read.JSON, &top) // a list or a scalar has no apiVersion
			return document{parsed: true, apiVersion: text(top["apiVersion"]), kind: read.Kind, path: read.Path}
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

// Each pattern matches a key of the outermost mapping, in block or flow style, with its
// value. The path may also be one level deeper, in metadata.
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

// isResource reports whether a file found in a directory is meant to be a resource, valid or
// not. package.json and compose files have no kind; manifests of other systems have another
// apiVersion and no path.
func (d document) isResource() bool {
	switch {
	case strings.HasPrefix(d.apiVersion, "noetl.io/"):
		return true
	case d.apiVersion != "":
		return d.kind != "" && d.path != ""
	}
	return d.kind != ""
}

// why returns the reason why the file is not a resource.
func (d document) why() string {
	if d.kind == "" {
		return "has no kind"
	}
	return "has no path, and the apiVersion " + d.apiVersion
}
