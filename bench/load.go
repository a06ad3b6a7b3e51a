package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
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

// connection is a persistent HTTP connection. Unlike package client it decodes no JSON,
// since it shares the CPUs with the server that it measures.
type connection struct {
	net.Conn
	reader *bufio.Reader
	body   bytes.Buffer
}

// dial opens a connection, whose reads and writes fail after the timeout.
func dial(address string, timeout time.Duration) (*connection, error) {
	opened, err := net.DialTimeout("tcp", address, 5*time.Second) //nolint:noctx // has a deadline
	if err != nil {
		return nil, err
	}
	return &connection{Conn: opened, reader: bufio.NewReaderSize(opened, 16<<10)},
		opened.SetDeadline(time.Now().Add(timeout))
}

// do sends an encoded request and returns the response's body, which is valid
// until the next call.
func (c *connection) do(encoded []byte) ([]byte, error) {
	if _, err := c.Write(encoded); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(c.reader, nil) //nolint:bodyclose // is read to its end
	if err != nil {
		return nil, err
	}
	c.body.Reset()
	if _, err := c.body.ReadFrom(response.Body); err != nil {
		return nil, err
	}
	body := c.body.Bytes()
	if response.StatusCode != http.StatusOK || !bytes.HasPrefix(body, []byte(`{"data":{`)) {
		return nil, fmt.Errorf("the answer is %.500s", body)
	}
	return body, nil
}

// pressed has the sorted durations of a round's requests, and the duration of the round.
type pressed struct {
	took    []time.Duration
	elapsed time.Duration
}

// press sends requests over a number of connections for a duration. Each connection sends
// a request when it has the response to the previous one.
func press(address string, requests [][]byte, connections int, duration time.Duration) pressed {
	clients := make([]*connection, connections)
	for i := range clients {
		clients[i] = must(dial(address, duration+30*time.Second))
		defer func() { _ = clients[i].Close() }()
	}
	took := make([][]time.Duration, connections)
	began := time.Now()
	var group errgroup.Group
	for i, c := range clients {
		group.Go(func() error {
			took[i] = make([]time.Duration, 0, 1<<14)
			sent := time.Now()
			for n := i * len(requests) / connections; sent.Sub(began) < duration; n++ {
				if _, err := c.do(requests[n%len(requests)]); err != nil {
					return err
				}
				now := time.Now()
				took[i] = append(took[i], now.Sub(sent))
				sent = now
			}
			return nil
		})
	}
	check(group.Wait())
	p := pressed{elapsed: time.Since(began), took: slices.Concat(took...)}
	slices.Sort(p.took)
	return p
}
