package stream_test

import (
	"encoding/base64"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/eventlog/stream"
)

const streamID = "01234567-89ab-cdef-0123-456789abcdef"

func TestCursor_String_RoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cursor := stream.Cursor{Stream: streamID, Position: rapid.Int64Range(0, 1<<40).Draw(t, "position")}
		last := cursor.Position
		for range rapid.IntRange(0, 5).Draw(t, "spans") {
			first := last + rapid.Int64Range(1, 1000).Draw(t, "gap")
			last = first + rapid.Int64Range(0, 1000).Draw(t, "length")
			cursor.Seen = append(cursor.Seen, stream.Span{First: first, Last: last})
		}
		got, err := stream.ParseCursor("after", cursor.String())
		if diff := gocmp.Diff(cursor, got); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func TestParseCursor_AnythingElse_Refused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "v1", "v2:" + streamID + ":1", "v1:" + streamID, "v1:" + streamID + ":", "v1:" + streamID + ":-1", "v1:" + streamID + ":01", "v1:" + streamID + ":+1",
		"v1:" + streamID + ":99999999999999999999", "v1:" + strings.ToUpper(streamID) + ":1", "v1:x:1", "v1:" + streamID + ":1:", "v1:" + streamID + ":1:2",
		"v1:" + streamID + ":1:1-2", "v1:" + streamID + ":1:3-2", "v1:" + streamID + ":1:2-3,3-4", "v1:" + streamID + ":1:2-3,", "v1:" + streamID + ":1:2-3:4",
	} {
		if cursor, err := stream.ParseCursor("after", base64.RawURLEncoding.EncodeToString([]byte(text))); err == nil {
			t.Errorf("%s was read as %+v", text, cursor)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(stream.Cursor{Stream: streamID, Position: 7, Seen: []stream.Span{{First: 9, Last: 11}}}.String())
	f.Add("djE6")
	f.Fuzz(func(t *testing.T, text string) {
		if cursor, err := stream.ParseCursor("after", text); err == nil && cursor.String() != text {
			t.Errorf("%q was read, and is written %q", text, cursor.String())
		}
	})
}

func BenchmarkCursor_WriteAndParse(b *testing.B) {
	cursor := stream.Cursor{Stream: streamID, Position: 123_456_789}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stream.ParseCursor("after", cursor.String()); err != nil {
			b.Fatal(err)
		}
	}
}
