package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// counter is a proxy between a program and PostgreSQL that counts statements.
// No time is measured through it.
type counter struct {
	// directory is that of its socket.
	directory string
	listener  net.Listener
	upstream  string
	mu        sync.Mutex
	// statements of each connection.
	statements []*atomic.Int64
	// background are connections that run statements without a request: the
	// sequencer's and the log's.
	background map[*atomic.Int64]bool
}

// count makes a counter with a socket in a new directory. Its goroutines end
// when it is closed and its connections have ended.
func (b *bench) count(ctx context.Context) *counter {
	const socket = ".s.PGSQL.5432"
	upstream := filepath.Join(must(pgx.ParseConfig(b.postgres.URL())).Host, socket)
	c := &counter{upstream: upstream, directory: must(os.MkdirTemp(b.directory, "counter")), background: map[*atomic.Int64]bool{}}
	c.listener = must((&net.ListenConfig{}).Listen(ctx, "unix", filepath.Join(c.directory, socket)))
	go func() {
		for {
			client, err := c.listener.Accept()
			if err != nil {
				return
			}
			go c.pass(client)
		}
	}()
	return c
}

func (c *counter) close() { _ = c.listener.Close() }

// idle finds the connections that are busy without requests.
func (c *counter) idle() {
	before := map[*atomic.Int64]int64{}
	c.mu.Lock()
	for _, statements := range c.statements {
		before[statements] = statements.Load()
	}
	c.mu.Unlock()
	time.Sleep(1500 * time.Millisecond) // longer than a heartbeat
	c.mu.Lock()
	defer c.mu.Unlock()
	for statements, n := range before {
		if statements.Load() > n {
			c.background[statements] = true
		}
	}
}

// sum is the number of statements without those in the background.
func (c *counter) sum() (n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, statements := range c.statements {
		if !c.background[statements] {
			n += statements.Load()
		}
	}
	return n
}

func (c *counter) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	postgres, err := net.DialTimeout("unix", c.upstream, 5*time.Second) //nolint:noctx // has a deadline
	if err != nil {
		return
	}
	defer func() { _ = postgres.Close() }()
	statements := &atomic.Int64{}
	c.mu.Lock()
	c.statements = append(c.statements, statements)
	c.mu.Unlock()
	go func() {
		_, _ = io.Copy(client, postgres)
		_ = client.Close()
	}()
	reader, writer := bufio.NewReader(client), bufio.NewWriter(postgres)
	// The first message has no type, only a length, which includes itself.
	const lengthBytes = 4
	for typeBytes := 0; ; typeBytes = 1 {
		head, err := reader.Peek(typeBytes + lengthBytes)
		if err != nil {
			return
		}
		if typeBytes == 1 && (head[0] == 'E' || head[0] == 'Q') { // Execute, Query
			statements.Add(1)
		}
		length := int64(binary.BigEndian.Uint32(head[typeBytes:])) + int64(typeBytes)
		if _, err := io.CopyN(writer, reader, length); err != nil {
			return
		}
		if reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				return
			}
		}
	}
}
