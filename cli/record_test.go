package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRecord_File_EventsOrError(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"": "", `{"eventId": "e1", "ago": "7d", "type": "t", "path": "p", "version": "1", "payload": [1], "meta": {"a": 1}}` + "\n": "",
		`{"eventId": "e1", "ago": "1h"} {"ago": "1h"}`:    "event 2 of FILE has no eventId",
		`{"eventId": "e1", "ago": "yesterday"}`:           `event 1 of FILE: ago "yesterday" is not a duration like 90m or 7d`,
		`{"eventId": "e1"}`:                               `event 1 of FILE: ago "" is not a duration`,
		`{"eventId": "e1", "ago": "1h", "timestamp": ""}`: `read event 1 of FILE: json: unknown field "timestamp"`,
		`[]`: "read event 1 of FILE: json: cannot unmarshal array",
	} {
		file := filepath.Join(t.TempDir(), "events.jsonl")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		records, err := (&Record{File: file}).read(now)
		switch {
		case want != "":
			if err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), file, "FILE"), want) {
				t.Errorf("%s: %v, want %s", text, err, want)
			}
		case err != nil || text == "" && records != nil:
			t.Errorf("%s: %v, %v", text, records, err)
		case text != "":
			r := records[0]
			if !r.Timestamp.Equal(now.AddDate(0, 0, -7)) || *r.ID != "e1" || r.Type != "t" || r.Path != "p" || *r.Version != "1" || string(r.Payload) != "[1]" || string(r.Meta) != `{"a": 1}` {
				t.Errorf("%s: %+v", text, r)
			}
		}
	}
	if _, err := (&Record{File: "missing"}).read(now); err == nil {
		t.Error("no error for a missing file")
	}
}
