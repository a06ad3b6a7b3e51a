package client

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Next follows the rules of server-sent events.
func TestStream_Next_ReadsEvents(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 30_000)
	for name, test := range map[string]struct {
		stream string
		want   []Event
	}{
		"LF":                     {"event: next\ndata: a\n\ndata:b\n\n", []Event{{"next", "", []byte("a")}, {"", "", []byte("b")}}},
		"CR LF, byte order mark": {"\ufeffevent: next\r\ndata: a\r\n\r\n", []Event{{"next", "", []byte("a")}}},
		"several lines of data":  {"data: a\ndata\ndata:  b\n\n", []Event{{"", "", []byte("a\n\n b")}}},
		"comments, other fields": {":\n\n: x\nid: 1\nretry: 2\nDATA: no\n\n: y\ndata: a\n: z\n\n", []Event{{"", "1", nil}, {"", "", []byte("a")}}},
		"an id alone":            {"id: 1\n\nid\n\nid: 2\nevent: next\ndata: a\n\n", []Event{{"", "1", nil}, {"next", "2", []byte("a")}}},
		"no data":                {"event: complete\n\n", []Event{{"complete", "", nil}}},
		"cut off":                {"data: a\n\nevent: next\ndata: b\n", []Event{{"", "", []byte("a")}}},
		"longer than the buffer": {"data: " + long + "\ndata: b\n\n", []Event{{"", "", []byte(long + "\nb")}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := &Stream{lines: scan(strings.NewReader(test.stream))}
			var got []Event
			for {
				event, err := stream.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, event)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// endless is a reader of a line that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// The reader never buffers more than the longest event.
func TestStream_EndlessEvent_PermanentError(t *testing.T) {
	t.Parallel()
	stream := &Stream{lines: scan(io.MultiReader(strings.NewReader(":\n\ndata: "), endless{}))}
	_, err := stream.Next()
	if Temporary(err) || !strings.Contains(err.Error(), "an event of more than 64 MiB") {
		t.Errorf("error %v, want a permanent one about 64 MiB", err)
	}
}
