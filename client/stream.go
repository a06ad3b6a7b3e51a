package client

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
)

// Event is a server-sent event. One with an ID alone is a checkpoint: a cursor
// to resume after.
type Event struct {
	// Name is `next` for a response of the subscription, and `complete` for its
	// end.
	Name, ID string
	Data     []byte
}

// Stream reads server-sent events (WHATWG HTML, section 9.2), whose lines may
// end with LF or CR LF.
type Stream struct {
	answer *answer
	lines  *bufio.Scanner
	begun  bool
}

// maxEvent is the longest event, in bytes: the longest payload and meta,
// escaped, with room to spare.
const maxEvent = 64 << 20

var errTooLong = &permanentError{fmt.Errorf("the server sent an event of more than %d MiB", maxEvent>>20)}

func newStream(a *answer) *Stream { return &Stream{answer: a, lines: scan(a)} }

func scan(events io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(events)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	return lines
}

// Close ends the subscription.
func (s *Stream) Close() { s.answer.close() }

// Next waits for the next event. It returns io.EOF at the end of the stream,
// also if that cuts off an event.
func (s *Stream) Next() (Event, error) {
	var event Event
	filled, size := false, 0
	for s.lines.Scan() {
		line := s.lines.Bytes()
		if size += len(line); size > maxEvent {
			return Event{}, errTooLong
		}
		if !s.begun {
			s.begun = true
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if len(line) == 0 {
			// Unlike in a browser, an event may lack data: some servers send
			// `complete` so.
			if event.Name != "" || event.ID != "" || filled {
				return event, nil
			}
			size = 0
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "": // a comment, which keeps the connection alive
			if !filled && event.Name == "" {
				size = 0
			}
		case "event":
			event.Name = string(value)
		case "id":
			event.ID = string(value)
		case "data":
			if filled {
				event.Data = append(event.Data, '\n')
			}
			event.Data = append(event.Data, value...)
			filled = true
		}
	}
	err := s.lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = errTooLong
	}
	return Event{}, cmp.Or(err, io.EOF)
}
