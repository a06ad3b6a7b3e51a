package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"
	"github.com/wI2L/jsondiff"

	"github.com/noetl/noetl-catalog/db/catalog/yaml"
)

const (
	// maxAligned is how many array elements two payloads may have together for
	// their arrays to be aligned, which takes quadratic time and memory. Arrays
	// of longer payloads are compared index by index.
	maxAligned = 4096
	// maxDiffText is the longest text, in bytes, that a unified diff is made of.
	maxDiffText = 512 << 10
	// maxCompared is the most tokens of two payloads that are compared value by
	// value, and maxWritten the most of one that is written as YAML. Neither library
	// takes a context; this is what they compare and write in 100 ms
	// (BenchmarkDiff).
	maxCompared, maxWritten = 48_000, 12_000
)

// Kind is what happened to a value of a payload.
type Kind string

// The kinds of changes.
const (
	Added   Kind = "ADDED"
	Removed Kind = "REMOVED"
	Changed Kind = "CHANGED"
)

// Change is one step from a payload to another: an operation of a JSON Patch with
// the previous value.
type Change struct {
	Kind Kind
	// Pointer is an RFC 6901 JSON Pointer into the payload as the changes
	// before this one have left it.
	Pointer string
	// Before is nil for what was added, After for what was removed.
	Before, After json.RawMessage
}

// tokens counts the structural characters of a JSON text, those within strings
// included.
func tokens(json []byte) (count int) {
	for _, character := range []string{",", ":", "{", "["} {
		count += bytes.Count(json, []byte(character))
	}
	return count
}

// PayloadsTime estimates how long DiffPayloads takes.
func PayloadsTime(base, payload []byte) time.Duration {
	size := len(base) + len(payload)
	if count := tokens(base) + tokens(payload); count <= maxCompared && base != nil {
		return time.Duration(2000*count+10*size) * time.Nanosecond
	}
	return time.Duration(size) * time.Nanosecond
}

// TextsTime estimates how long DiffTexts takes.
func TextsTime(base, version *Version) (total time.Duration) {
	for _, v := range []*Version{base, version} {
		if v == nil {
			continue
		}
		if size := len(v.Content); size > 0 {
			total += time.Duration(200*min(size, maxDiffText)) * time.Nanosecond
		} else if count := tokens(v.Payload); count <= maxWritten {
			total += time.Duration(5000*count+200*min(len(v.Payload), maxDiffText)) * time.Nanosecond
		}
	}
	return total
}

// DiffPayloads returns the steps from one payload to another. Both are JSON;
// base is nil for the payload of a first version. Long payloads are replaced as a
// whole.
func DiffPayloads(base, payload []byte) ([]Change, error) {
	if base == nil {
		return []Change{{Kind: Added, After: payload}}, nil
	}
	if tokens(base)+tokens(payload) > maxCompared {
		if bytes.Equal(base, payload) {
			return nil, nil
		}
		return []Change{{Kind: Changed, Before: base, After: payload}}, nil
	}
	after, err := decodePayload(payload)
	if err != nil {
		return nil, err
	}
	before, err := decodePayload(base)
	if err != nil {
		return nil, err
	}
	var options []jsondiff.Option
	if countElements(before)+countElements(after) <= maxAligned {
		options = append(options, jsondiff.LCS())
	}
	patch, err := jsondiff.CompareWithoutMarshal(before, after, options...)
	if err != nil {
		return nil, fmt.Errorf("compare payloads: %w", err)
	}
	changes := make([]Change, len(patch))
	appended := map[string]int{}
	for i, operation := range patch {
		if array, appends := strings.CutSuffix(operation.Path, "/-"); appends {
			if elements, ok := valueAt(before, array).([]any); ok {
				operation.Path = array + "/" + strconv.Itoa(len(elements)+appended[array])
				appended[array]++
			}
		}
		change := &changes[i]
		change.Pointer = operation.Path
		switch operation.Type {
		case jsondiff.OperationRemove:
			change.Kind = Removed
		case jsondiff.OperationReplace:
			change.Kind = Changed
		case jsondiff.OperationAdd:
			change.Kind = Added
			if operation.Path == "" { // the whole, of another kind
				change.Kind = Changed
			}
		default:
			return nil, fmt.Errorf("compare payloads: unexpected operation %q", operation.Type)
		}
		if change.Kind != Added {
			change.Before = encodePayload(operation.OldValue)
		}
		if change.Kind != Removed {
			change.After = encodePayload(operation.Value)
		}
	}
	return changes, nil
}

// PatchOf writes changes as an RFC 6902 JSON Patch.
func PatchOf(changes []Change) []byte {
	patch := bytes.NewBufferString("[")
	for i, change := range changes {
		if i > 0 {
			patch.WriteByte(',')
		}
		operation := map[Kind]string{Added: "add", Removed: "remove", Changed: "replace"}[change.Kind]
		fmt.Fprintf(patch, `{"op":%q,"path":%s`, operation, encodePayload(change.Pointer))
		if change.After != nil {
			fmt.Fprintf(patch, `,"value":%s`, change.After)
		}
		patch.WriteByte('}')
	}
	patch.WriteByte(']')
	return patch.Bytes()
}

// DiffTexts is the unified diff of two versions' YAML texts: those that they
// were registered from, else their payloads as YAML. Of long texts it only says
// that they differ. base is nil for a first version.
func DiffTexts(base, version *Version) (string, error) {
	from, to := textName(base), textName(version)
	if !isComparable(base) || !isComparable(version) {
		if base != nil && base.Content == version.Content && bytes.Equal(base.Payload, version.Payload) {
			return "", nil
		}
		return fmt.Sprintf("--- %s\n+++ %s\nTexts of %d and %d bytes differ; they are too long to be compared line by line.\n",
			from, to, textSize(base), textSize(version)), nil
	}
	before, err := textOf(base)
	if err != nil {
		return "", err
	}
	after, err := textOf(version)
	if err != nil {
		return "", err
	}
	return udiff.Unified(from, to, before, after), nil
}

// isComparable reports whether the text of a version is short enough for a unified
// diff.
func isComparable(v *Version) bool {
	return textSize(v) <= maxDiffText && (v == nil || v.Content != "" || tokens(v.Payload) <= maxWritten)
}

func textName(v *Version) string {
	if v == nil {
		return "/dev/null"
	}
	return v.Path + "@" + v.Label
}

// textSize returns the bytes of a version's text: of its payload as JSON, if that
// would have to be written as YAML.
func textSize(v *Version) int {
	if v == nil {
		return 0
	}
	return cmp.Or(len(v.Content), len(v.Payload))
}

func textOf(v *Version) (string, error) {
	switch {
	case v == nil:
		return "", nil
	case v.Content != "":
		return v.Content, nil
	}
	return yaml.Write(v.Payload)
}

func decodePayload(payload []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber() // digits as they are
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("read a payload: %w", err)
	}
	return value, nil
}

// encodePayload encodes what decodePayload returned, which cannot fail.
func encodePayload(value any) json.RawMessage {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// countElements counts the array elements of a payload.
func countElements(value any) (count int) {
	switch v := value.(type) {
	case []any:
		count = len(v)
		for _, element := range v {
			count += countElements(element)
		}
	case map[string]any:
		for _, member := range v {
			count += countElements(member)
		}
	}
	return count
}

// valueAt follows a JSON Pointer; it returns nil if the pointer leads nowhere.
func valueAt(value any, pointer string) any {
	if pointer == "" {
		return value
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for step := range strings.SplitSeq(pointer[1:], "/") {
		switch v := value.(type) {
		case map[string]any:
			value = v[unescape.Replace(step)]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || index >= len(v) {
				return nil
			}
			value = v[index]
		default:
			return nil
		}
	}
	return value
}
