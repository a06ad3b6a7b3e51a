package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// request is an HTTP request of a workload.
type request struct {
	method, target, body string
}

// encode returns it in wire format.
func (r request) encode() []byte {
	text := r.method + " " + r.target + " HTTP/1.1\r\nHost: localhost\r\n"
	if r.method == "POST" {
		text += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(r.body))
	}
	return []byte(text + "\r\n" + r.body)
}

// connection is kept alive. It takes little of the processors that it shares
// with what it measures: a request allocates nothing and decodes no JSON, which
// package client does.
type connection struct {
	net.Conn
	reader *bufio.Reader
	body   []byte
}

// dial connects. After patience, everything fails.
func dial(address string, patience time.Duration) (*connection, error) {
	opened, err := net.DialTimeout("tcp", address, 5*time.Second) //nolint:noctx // has a deadline
	if err != nil {
		return nil, err
	}
	return &connection{Conn: opened, reader: bufio.NewReaderSize(opened, 16<<10)},
		opened.SetDeadline(time.Now().Add(patience))
}

// do sends an encoded request and returns the response's body, which is valid
// until the next call.
func (c *connection) do(encoded []byte) ([]byte, error) {
	if _, err := c.Write(encoded); err != nil {
		return nil, err
	}
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	ok := bytes.HasPrefix(line, []byte("HTTP/1.1 200 "))
	length, err := c.header()
	if err != nil {
		return nil, err
	}
	c.body = c.body[:0]
	if length >= 0 {
		err = c.read(length)
	} else {
		err = c.chunks()
	}
	if err != nil {
		return nil, err
	}
	if !ok || !bytes.HasPrefix(c.body, []byte(`{"data":{`)) {
		return nil, fmt.Errorf("the answer is %.500s", c.body)
	}
	return c.body, nil
}

// header reads the header and returns the body's length, or -1 if it is
// chunked.
func (c *connection) header() (int, error) {
	length := -1
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			return length, nil
		}
		const name = "Content-Length:"
		if len(line) > len(name) && strings.EqualFold(string(line[:len(name)]), name) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):]))); err != nil {
				return 0, err
			}
		}
	}
}

func (c *connection) read(length int) error {
	begin := len(c.body)
	c.body = slices.Grow(c.body, length)[:begin+length]
	_, err := io.ReadFull(c.reader, c.body[begin:])
	return err
}

func (c *connection) chunks() error {
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		length, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if err := c.read(int(length)); err != nil {
			return err
		}
		if _, err := c.reader.Discard(len("\r\n")); err != nil || length == 0 {
			return err
		}
	}
}

// pressed is the duration of each request of a round, sorted, and of the round.
type pressed struct {
	took    []time.Duration
	elapsed time.Duration
}

// press sends requests for a duration over a number of connections, each of
// which sends the next request when it has the response to the previous one.
func press(address string, requests [][]byte, connections int, duration time.Duration) (pressed, error) {
	clients := make([]*connection, connections)
	for i := range clients {
		var err error
		if clients[i], err = dial(address, duration+30*time.Second); err != nil {
			return pressed{}, err
		}
		defer func() { _ = clients[i].Close() }()
	}
	took := make([][]time.Duration, connections)
	errs := make([]error, connections)
	began := time.Now()
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() {
			took[i] = make([]time.Duration, 0, 1<<14)
			sent := time.Now()
			for n := i * len(requests) / connections; sent.Sub(began) < duration; n++ {
				if _, errs[i] = c.do(requests[n%len(requests)]); errs[i] != nil {
					return
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(sent))
				sent = now
			}
		})
	}
	group.Wait()
	p := pressed{elapsed: time.Since(began), took: slices.Concat(took...)}
	slices.Sort(p.took)
	return p, errors.Join(errs...)
}
