package catalog

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/fault"
)

// The longest names, in bytes: those of the database's text_limit, which holds
// plain SQL to the same rules (name_problem, label_problem).
const (
	maxPathBytes     = 1024
	maxLabelBytes    = 128
	maxEventIDBytes  = 255
	maxTypeNameBytes = 128
)

// Latest stands for the latest version in place of a label, so no new version can
// have it as its label. Older rows may.
const Latest = "latest"

// CheckPath returns BAD_USER_INPUT unless path can name a resource: 1 to 1,024
// bytes of UTF-8 without control characters, or white space at either end.
func CheckPath(argument, path string) error {
	return checkName(argument, path, maxPathBytes)
}

// CheckLabel returns BAD_USER_INPUT unless label can name a version: 1 to 128
// bytes under the rule of CheckPath, and not Latest.
func CheckLabel(argument, label string) error {
	if label == Latest {
		return fault.Input(argument, "must not be %q, which stands for the latest version", Latest)
	}
	return checkName(argument, label, maxLabelBytes)
}

// CheckEventID returns BAD_USER_INPUT unless id can name an event: 1 to 255 bytes
// under the rule of CheckPath.
func CheckEventID(argument, id string) error {
	return checkName(argument, id, maxEventIDBytes)
}

// CheckTypeName returns BAD_USER_INPUT unless name can name a resource type or an
// event type: 1 to 128 bytes under the rule of CheckPath.
func CheckTypeName(argument, name string) error {
	return checkName(argument, name, maxTypeNameBytes)
}

func checkName(argument, name string, maxBytes int) error {
	switch {
	case name == "":
		return fault.Input(argument, "must not be empty")
	case len(name) > maxBytes:
		return fault.Input(argument, "is %d bytes long; %d are allowed", len(name), maxBytes)
	case !utf8.ValidString(name):
		return fault.Input(argument, "is not valid UTF-8")
	}
	// Before white space: a line break is both, and this message is clearer.
	for _, r := range name {
		if unicode.IsControl(r) {
			return fault.Input(argument, "holds a control character (U+%04X)", r)
		}
	}
	if strings.TrimSpace(name) != name {
		return fault.Input(argument, "begins or ends with white space")
	}
	return nil
}

// CheckText returns an error unless text (a source, a location, a content) can be
// stored in a text column: BAD_USER_INPUT with line and column unless it is UTF-8
// without NUL, PAYLOAD_TOO_LARGE for more than maxBytes. It may be empty.
func CheckText(argument, text string, maxBytes int) error {
	if len(text) > maxBytes {
		return fault.New(fault.PayloadTooLarge, argument, "is %d bytes long; %d are allowed", len(text), maxBytes)
	}
	if nul := strings.IndexByte(text, 0); nul >= 0 {
		line, column := fault.Position([]byte(text[:nul]))
		return fault.At(argument, line, column, "holds a NUL character (U+0000), which cannot be stored")
	}
	if !utf8.ValidString(text) {
		line, column := fault.Position([]byte(text[:invalidUTF8(text)]))
		return fault.At(argument, line, column, "is not valid UTF-8")
	}
	return nil
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(text string) int {
	for i, r := range text {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
			return i
		}
	}
	return -1
}
