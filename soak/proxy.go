//go:build linux

package main

import (
	"context"
	"net"
	"sync"
)

// proxy forwards TCP connections. While it is cut, it accepts connections and bytes and
// forwards nothing, as in a network failure.
type proxy struct {
	target   string
	listener net.Listener
	// open is locked for reading while bytes are forwarded, and for writing while the
	// network is cut.
	open sync.RWMutex

	mu          sync.Mutex
	connections map[net.Conn]bool
}

func newProxy(ctx context.Context, target string) (*proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{target: target, listener: listener, connections: map[net.Conn]bool{}}
	go p.accept()
	return p, nil
}

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return // close has closed the listener
		}
		go func() {
			p.open.RLock()
			to, err := net.Dial("tcp", p.target) //nolint:noctx // a port of this machine answers at once
			p.open.RUnlock()
			if err != nil {
				_ = from.Close()
				return
			}
			go p.forward(from, to)
			p.forward(to, from)
		}()
	}
}

func (p *proxy) forward(from, to net.Conn) {
	p.mu.Lock()
	p.connections[from] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.connections, from)
		p.mu.Unlock()
		_, _ = from.Close(), to.Close()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.open.RLock()
		_, writeErr := to.Write(buffer[:n])
		p.open.RUnlock()
		if err != nil || writeErr != nil {
			return
		}
	}
}

// lead makes the proxy forward new connections to another target.
func (p *proxy) lead(to string) {
	p.open.Lock()
	p.target = to
	p.open.Unlock()
	p.reset()
}

// reset closes all connections.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for connection := range p.connections {
		_ = connection.Close()
	}
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.reset()
}
