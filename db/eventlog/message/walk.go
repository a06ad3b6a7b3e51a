package message

import (
	"bytes"
	"encoding/json"
)

// member returns the value of a key of a JSON object; nil if raw is not an object
// or lacks the key. raw must be valid JSON: it is read only up to the key. The
// functions of this file build no values, because lists render a message for each
// of hundreds of events.
func member(raw []byte, key string) []byte {
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	var found []byte
	for at := skipSpace(raw, 1); at < len(raw) && raw[at] == '"'; {
		end := skipValue(raw, at)
		name := raw[at:end]
		at = min(skipSpace(raw, end)+1, len(raw)) // the colon
		at = skipSpace(raw, at)
		end = skipValue(raw, at)
		if isKey(name, key) {
			found = raw[at:end] // go on: the last of equal keys counts
		}
		if at = skipSpace(raw, end); at < len(raw) && raw[at] == ',' {
			at = skipSpace(raw, at+1)
		}
	}
	return found
}

// element returns an element of a JSON array; nil if raw is not an array or is
// shorter.
func element(raw []byte, index int) []byte {
	if len(raw) == 0 || raw[0] != '[' {
		return nil
	}
	for at := skipSpace(raw, 1); at < len(raw) && raw[at] != ']'; index-- {
		end := skipValue(raw, at)
		if index == 0 {
			return raw[at:end]
		}
		if at = skipSpace(raw, end); at < len(raw) && raw[at] == ',' {
			at = skipSpace(raw, at+1)
		}
	}
	return nil
}

// isKey compares a quoted name with a key. Names without escapes, nearly all,
// are compared as they stand.
func isKey(quoted []byte, key string) bool {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		var name string
		return json.Unmarshal(quoted, &name) == nil && name == key
	}
	return len(quoted) == len(key)+2 && string(quoted[1:len(quoted)-1]) == key
}

func skipSpace(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\n' || raw[at] == '\t' || raw[at] == '\r') {
		at++
	}
	return at
}

// skipValue returns the end of the value that begins at an index. It always
// moves on, whatever it is given.
func skipValue(raw []byte, at int) int {
	depth, start := 0, at
	for at < len(raw) {
		switch raw[at] {
		case '"':
			at = skipString(raw, at)
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
			if depth < 0 {
				return max(at, start+1)
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return max(at, start+1)
			}
		}
		at++
	}
	return at
}

func skipString(raw []byte, at int) int {
	for at++; at < len(raw); at++ {
		switch raw[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(raw)
}
