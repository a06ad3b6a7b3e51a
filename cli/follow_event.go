package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// delivery is an EventDelivery. Its raw values are printed byte for byte.
type delivery struct {
	Cursor, PreviousCursor, Position json.RawMessage

	Event struct {
		EventID       json.RawMessage
		Type          struct{ Name json.RawMessage }
		Path          json.RawMessage
		Version       struct{ Version json.RawMessage }
		Payload, Meta json.RawMessage
		Step, Status  json.RawMessage
		Timestamp     json.RawMessage
		Message       json.RawMessage
	}
}

// withoutLineEnds puts JSON on one line. Line ends in JSON are always white space between
// tokens.
var withoutLineEnds = strings.NewReplacer("\n", " ", "\r", " ")

// printJSON writes a line in a single call, so that a reader never gets part of an event.
func (d *delivery) printJSON(w io.Writer) error {
	e := &d.Event
	var line []byte
	separator := byte('{')
	for _, field := range []struct {
		key   string
		value json.RawMessage
	}{
		{"cursor", d.Cursor},
		{"position", d.Position},
		{"event_id", e.EventID},
		{"event_type", e.Type.Name},
		{"resource_path", e.Path},
		{"resource_version", e.Version.Version},
		{"timestamp", e.Timestamp},
		{"message", e.Message},
		{"payload", e.Payload},
		{"meta", e.Meta},
	} {
		value := "null"
		if field.value != nil {
			value = withoutLineEnds.Replace(string(field.value))
		}
		line = fmt.Appendf(line, `%c"%s":%s`, separator, field.key, value)
		separator = ','
	}
	_, err := w.Write(append(line, '}', '\n'))
	return err
}

// printForPeople writes one line in columns, with the time in UTC.
func (d *delivery) printForPeople(w io.Writer, terminal bool) error {
	e := &d.Event
	at := inOneLine(text(e.Timestamp))
	if instant, err := time.Parse(time.RFC3339, at); err == nil {
		at = instant.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if terminal {
		at = "\x1b[2m" + at + "\x1b[22m"
	}
	// Fprintf makes a single call to Write.
	_, err := fmt.Fprintf(w, "%s  %-20s  %-28s  %-8s  %s\n", at, inOneLine(text(e.Type.Name)),
		inOneLine(text(e.Path)), inOneLine(text(e.Version.Version)), inOneLine(text(e.Message)))
	return err
}

// text decodes a JSON string; it is empty for any other value.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
