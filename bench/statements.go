package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// counter is a proxy between a program and PostgreSQL that counts statements. It omits
// connections that LISTEN, since the sequencer and the log use them without a request. No
// time is measured through it.
type counter struct {
	// directory contains its socket.
	directory  string
	listener   net.Listener
	statements atomic.Int64
}

// count starts a counter with a socket in a new directory. Its goroutines end when it is
// closed and its connections have ended.
func (b *bench) count(ctx context.Context) *counter {
	const socket = ".s.PGSQL.5432"
	upstream := filepath.Join(must(pgx.ParseConfig(b.postgres.URL())).Host, socket)
	c := &counter{directory: must(os.MkdirTemp(b.directory, "counter"))}
	c.listener = must((&net.ListenConfig{}).Listen(ctx, "unix", filepath.Join(c.directory, socket)))
	go func() {
		for {
			client, err := c.listener.Accept()
			if err != nil {
				return
			}
			go c.pass(client, upstream)
		}
	}()
	return c
}

func (c *counter) close() { _ = c.listener.Close() }

func (c *counter) pass(client net.Conn, upstream string) {
	defer func() { _ = client.Close() }()
	postgres, err := net.DialTimeout("unix", upstream, 5*time.Second) //nolint:noctx // has a deadline
	if err != nil {
		return
	}
	defer func() { _ = postgres.Close() }()
	go func() {
		_, _ = io.Copy(client, postgres)
		_ = client.Close()
	}()
	reader, writer := bufio.NewReader(client), bufio.NewWriter(postgres)
	listens := false
	// The first message has no type, only a length, which includes the length itself.
	const lengthBytes = 4
	for typeBytes := 0; ; typeBytes = 1 {
		head, err := reader.Peek(typeBytes + lengthBytes)
		if err != nil {
			return
		}
		length := int(binary.BigEndian.Uint32(head[typeBytes:])) + typeBytes
		if typeBytes == 1 && (head[0] == 'E' || head[0] == 'Q') { // Execute, Query
			begin, _ := reader.Peek(min(length, 64))
			if listens = listens || bytes.Contains(begin, []byte("LISTEN ")); !listens {
				c.statements.Add(1)
			}
		}
		if _, err := io.CopyN(writer, reader, int64(length)); err != nil {
			return
		}
		if reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				return
			}
		}
	}
}
