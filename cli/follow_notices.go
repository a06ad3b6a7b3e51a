package cli

import (
	"fmt"
	"io"
	"sync"
)

// notices reports each loss and each return of the connection once on stderr.
type notices struct {
	stderr   io.Writer
	endpoint string

	mu sync.Mutex
	// reached: the server has answered before.
	reached bool
	// welcome is the message to print when the connection is back; empty while it is not
	// lost.
	welcome string
}

// answered records that the server was reached.
func (n *notices) answered() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reached = true
}

// warn prints a warning about the filter.
func (n *notices) warn(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintln(n.stderr, line)
}

func (n *notices) lost(reason error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.welcome != "":
	case n.reached:
		fmt.Fprintf(n.stderr, "connection lost, reconnecting: %s\n", inOneLine(reason.Error()))
		n.welcome = "connected again"
	default:
		fmt.Fprintf(n.stderr, "no connection to %s yet, trying again: %s\n", n.endpoint, inOneLine(reason.Error()))
		n.welcome = "connected"
	}
}

func (n *notices) connected() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.welcome != "" {
		fmt.Fprintln(n.stderr, n.welcome)
		n.welcome = ""
	}
}

// gap warns that events are missing, every time.
func (n *notices) gap(last, previous string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.stderr, "a gap: an event came that follows cursor %.100q, and the last one's is %.100q; reconnecting after that\n", previous, last)
	n.welcome = "connected again"
}
