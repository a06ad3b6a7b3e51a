package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
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
	reader *bufio.Reader
	begun  bool
	// left is how many more bytes the current event may have.
	left int
}

// maxEvent is the longest event, in bytes: the longest payload and meta,
// escaped, with room to spare.
const maxEvent = 64 << 20

func newStream(a *answer) *Stream {
	return &Stream{answer: a, reader: bufio.NewReaderSize(a, 64<<10)}
}

// Close ends the subscription.
func (s *Stream) Close() { s.answer.close() }

// Next waits for the next event. It returns io.EOF at the end of the stream,
// also if that cuts off an event.
func (s *Stream) Next() (Event, error) {
	var event Event
	filled := false
	s.left = maxEvent
	for {
		line, err := s.line()
		if err != nil {
			return Event{}, err
		}
		if len(line) == 0 {
			// Unlike in a browser, an event may lack data: some servers send
			// `complete` so.
			if event.Name != "" || event.ID != "" || filled {
				return event, nil
			}
			s.left = maxEvent
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "": // a comment, which keeps the connection alive
			if !filled && event.Name == "" {
				s.left = maxEvent
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
}

// line reads a line without its end. It is valid until the next call.
func (s *Stream) line() ([]byte, error) {
	var line []byte
	for {
		part, err := s.reader.ReadSlice('\n')
		s.left -= len(part)
		if s.left < 0 {
			return nil, &permanentError{fmt.Errorf("the server sent an event of more than %d MiB", maxEvent>>20)}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			line = append(line, part...)
			continue
		}
		if err != nil {
			return nil, err
		}
		if line != nil {
			part = append(line, part...)
		}
		if !s.begun {
			s.begun = true
			part = bytes.TrimPrefix(part, []byte("\ufeff"))
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r")), nil
	}
}
