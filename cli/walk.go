package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// file is a file to register.
type file struct {
	// name is the path as given or walked, with slashes.
	name string
	text string
	// Of a .json file, where the document says what it is: YAML is read by
	// the server.
	json       bool
	path, kind string
}

// maxFile is the longest file, in bytes: the longest payload.
const maxFile = 8 << 20

// walk lists the files, in the order given, and those of a directory in the
// order of their names. Hidden ones and node_modules are left out.
func walk(paths []string) ([]string, error) {
	var names []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("find the files: %w", err)
		}
		if !info.IsDir() {
			names = append(names, filepath.ToSlash(path))
			continue
		}
		var found []string
		err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			hidden := strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"
			switch {
			case hidden && name != path && entry.IsDir():
				return filepath.SkipDir
			case hidden || !entry.Type().IsRegular():
				return nil
			}
			switch filepath.Ext(name) {
			case ".yaml", ".yml", ".json":
				found = append(found, filepath.ToSlash(name))
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("walk %s: %w", path, err)
		}
		slices.Sort(found)
		names = append(names, found...)
	}
	// A file that is named twice is registered once.
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(names, func(name string) bool {
		repeated := seen[name]
		seen[name] = true
		return repeated
	}), nil
}

func readFile(name string) (file, *refusal) {
	read := file{name: name, json: filepath.Ext(name) == ".json"}
	opened, err := os.Open(filepath.FromSlash(name))
	if err != nil {
		return read, unreadable(err)
	}
	defer func() { _ = opened.Close() }()
	raw, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	switch {
	case err != nil:
		return read, unreadable(err)
	case len(raw) > maxFile:
		return read, &refusal{code: "PAYLOAD_TOO_LARGE", message: "is longer than 8 MiB"}
	case !utf8.Valid(raw):
		return read, invalidText(raw)
	}
	read.text = string(raw)
	if read.json {
		return read, read.identify()
	}
	return read, nil
}

func unreadable(err error) *refusal {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &refusal{code: "BAD_USER_INPUT", message: "cannot be read: " + err.Error()}
}

// invalidText points at the first byte that is not UTF-8.
func invalidText(raw []byte) *refusal {
	at := 0
	for {
		r, size := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && size == 1 {
			return refuseAt(raw, at, "is not valid UTF-8")
		}
		at += size
	}
}

// refuseAt points at a byte of a text.
func refuseAt(text []byte, at int, message string) *refusal {
	before := text[:at]
	return &refusal{
		code: "BAD_USER_INPUT", message: message,
		line:   1 + bytes.Count(before, []byte("\n")),
		column: 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]),
	}
}

// identify reads where a JSON document says it belongs.
func (f *file) identify() *refusal {
	var document struct {
		Kind     string `json:"kind"`
		Path     string `json:"path"`
		Metadata struct {
			Path string `json:"path"`
		} `json:"metadata"`
	}
	var syntax *json.SyntaxError
	err := json.Unmarshal([]byte(f.text), &document)
	switch {
	case errors.As(err, &syntax):
		return refuseAt([]byte(f.text), max(int(syntax.Offset)-1, 0), "is not JSON: "+syntax.Error())
	case err != nil:
		return &refusal{code: "BAD_USER_INPUT", message: "is not a JSON object with a metadata.path (or path) and a kind"}
	}
	f.path, f.kind = document.Metadata.Path, strings.ToLower(document.Kind)
	if f.path == "" {
		f.path = document.Path
	}
	if f.path == "" || f.kind == "" {
		return &refusal{code: "BAD_USER_INPUT", message: "is not a JSON object with a metadata.path (or path) and a kind"}
	}
	return nil
}

// locate points a refusal that is about the type or the path, and knows no
// place, at the line that says them.
func (f *file) locate(r *refusal) {
	if r == nil || r.line > 0 {
		return
	}
	key := map[string]string{"type": "kind", "path": "path"}[r.argument]
	if key == "" {
		return
	}
	for n, line := range strings.Split(f.text, "\n") {
		indented := strings.TrimLeft(line, " {\"")
		if rest, found := strings.CutPrefix(indented, key); found && strings.HasPrefix(strings.TrimLeft(rest, " \""), ":") {
			r.line, r.column = n+1, 1+utf8.RuneCountInString(line[:len(line)-len(indented)])
			return
		}
	}
}
