package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
)

// file is a file to register.
type file struct {
	// name is the path as given or found, with slashes.
	name string
	text string
	origin
}

// found is a file that was named or found in a named directory.
type found struct {
	name  string
	named bool
	size  int // in bytes, once it has been read
}

// maxFile is the size limit of a file in bytes, which is that of a payload.
const maxFile = 8 << 20

// walk lists the named files in order, and the files in each named directory sorted by name.
// It skips hidden files and node_modules.
func walk(paths []string) ([]found, error) {
	var files []found
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("find the files: %w", err)
		}
		if !info.IsDir() {
			files = append(files, found{name: filepath.ToSlash(path), named: true})
			continue
		}
		var within []found
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
				within = append(within, found{name: filepath.ToSlash(name)})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("walk %s: %w", path, err)
		}
		slices.SortFunc(within, func(a, b found) int { return strings.Compare(a.name, b.name) })
		files = append(files, within...)
	}
	return withoutDuplicates(files)
}

// withoutDuplicates removes duplicates, even if their paths are spelled differently. A file
// that is both named and found counts as named.
func withoutDuplicates(files []found) ([]found, error) {
	places := make(map[string]int, len(files))
	kept := files[:0]
	for _, file := range files {
		path, err := filepath.Abs(filepath.FromSlash(file.name))
		if err != nil {
			return nil, fmt.Errorf("find the files: %w", err)
		}
		if place, found := places[path]; found {
			kept[place].named = kept[place].named || file.named
			continue
		}
		places[path] = len(kept)
		kept = append(kept, file)
	}
	return kept, nil
}

// read returns the bytes of a file, even with a fault.
func read(name string) ([]byte, *fault.Error) {
	opened, err := os.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, unreadable(err)
	}
	defer func() { _ = opened.Close() }()
	raw, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case len(raw) > maxFile:
		return raw, fault.New(fault.PayloadTooLarge, "", "is longer than 8 MiB")
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return raw, fault.Input("", "is UTF-16; save it as UTF-8")
	case !utf8.Valid(raw):
		return raw, faultOf(catalog.CheckText("payload", string(raw), maxFile))
	}
	if filepath.Ext(name) == ".json" {
		// JSON is registered as YAML, but not all YAML is JSON.
		return raw, faultOf(jsontext.Check("payload", bytes.TrimPrefix(raw, []byte("\ufeff")), catalog.DefaultLimits()))
	}
	return raw, nil
}

// faultOf converts an error of package catalog to a fault.
func faultOf(err error) *fault.Error {
	if problem, ok := fault.As(err); ok || err == nil {
		return problem
	}
	return fault.Input("", "%v", err)
}

func unreadable(err error) *fault.Error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fault.Input("", "cannot be read: %v", err)
}

// locate sets the position of a fault in the type or the path to the line of that key, if
// the fault has no position.
func (f *file) locate(r *fault.Error) {
	if r == nil || r.Line > 0 {
		return
	}
	key := map[string]string{"type": "kind", "path": "path"}[r.Argument]
	if key == "" {
		return
	}
	for n, line := range strings.Split(f.text, "\n") {
		indented := strings.TrimLeft(line, " {\"")
		if rest, found := strings.CutPrefix(indented, key); found && strings.HasPrefix(strings.TrimLeft(rest, " \""), ":") {
			r.Line, r.Column = n+1, 1+utf8.RuneCountInString(line[:len(line)-len(indented)])
			return
		}
	}
}
