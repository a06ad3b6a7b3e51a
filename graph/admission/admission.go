// Package admission limits the memory of requests, the number of large requests that run
// at once, and the connections, subscriptions and events of clients (Limits).
//
// A request is charged for bytes where they are allocated: rows read, variables
// decoded, the answer written. A request within Options.Light is light and runs at once.
// A heavier one takes one of a few slots, and waits for a slot in a short queue that is
// fair between callers. If the queue is full, the request is refused at once.
//
//	request := controller.Begin(caller)
//	defer request.End()
//	request.Execute(ctx, cancel) // a context whose Value is the request's
//	if err := request.Enter(ctx); err != nil { … } // for a request known to be heavy
//	err := request.Hold(len(row))
//	request.Leave() // once executed; its bytes are held until End
package admission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Options of a Controller; zero values are the defaults.
type Options struct {
	// Slots is the number of heavy requests that run at once; twice the processors.
	Slots int
	// Light is the most bytes that a request may hold without a slot; 1 MiB.
	Light int64
	// MaxRequest is the most bytes that one request may hold; 128 MiB.
	MaxRequest int64
	// MaxRows is the most bytes of rows that one request may read; 64 MiB.
	MaxRows int64
	// MaxHeld is the most bytes that all requests may hold; 256 MiB. A quarter is
	// reserved for light requests.
	MaxHeld int64
	// MaxTime is the longest time of one request in slots; 5 s. A Go program cannot
	// measure the processor time of a request.
	MaxTime time.Duration
	// MaxWait limits the queue to the requests that are expected to be served in that
	// time; 2 s. One caller may have half of the queue.
	MaxWait time.Duration
	// MaxQueue limits the queue in any case; 1,000.
	MaxQueue int
}

func (o Options) withDefaults() Options {
	o.Slots = cmp.Or(o.Slots, 2*runtime.GOMAXPROCS(0))
	o.Light = cmp.Or(o.Light, 1<<20)
	o.MaxRequest = cmp.Or(o.MaxRequest, 128<<20)
	o.MaxRows = cmp.Or(o.MaxRows, 64<<20)
	o.MaxHeld = cmp.Or(o.MaxHeld, 256<<20)
	o.MaxTime = cmp.Or(o.MaxTime, 5*time.Second)
	o.MaxWait = cmp.Or(o.MaxWait, 2*time.Second)
	o.MaxQueue = cmp.Or(o.MaxQueue, 1000)
	return o
}

// Controller admits the requests of a server.
type Controller struct {
	options Options
	// held is the number of bytes that all requests hold.
	held atomic.Int64

	mu    sync.Mutex
	queue queue
	// running is the number of slots taken.
	running int
	// took is a moving average of the time that a request stays in its slot.
	took time.Duration
	// quiet returns memory to the system after quietTime without a heavy request.
	quiet *time.Timer

	rejections [len(reasons)]atomic.Int64
	// waits observes the time that requests waited for a slot.
	waits prometheus.Histogram
}

// New returns a controller.
func New(options Options) *Controller {
	return &Controller{options: options.withDefaults(), took: 100 * time.Millisecond, waits: prometheus.NewHistogram(waitOptions)}
}

// Light returns the most bytes that a request may hold without a slot.
func (c *Controller) Light() int64 { return c.options.Light }

// Caller identifies a caller: by its Authorization or its address.
type Caller struct{ Authorization, Address string }

// Begin returns the account of a new request, which may wait for a slot until ctx ends.
// End must be called. A nil Controller returns a nil Request.
func (c *Controller) Begin(ctx context.Context, caller Caller) *Request {
	if c == nil {
		return nil
	}
	return &Request{controller: c, caller: caller, ctx: ctx}
}

// reason is the reason to refuse or stop a request.
type reason int

const (
	callerBusy reason = iota
	serverBusy
	noMemory
	tooManyRows
	tooMuchMemory
	tooMuchTime
)

// reasons are the values of the label `reason` of catalog_requests_rejected_total.
var reasons = [...]string{"caller", "queue", "memory", "request_rows", "request_memory", "request_time"}

// refuse counts a refusal, and returns its error. mu is held.
func (c *Controller) refuse(why reason) *gqlerror.Error {
	c.rejections[why].Add(1)
	err := apierror.Errorf(apierror.Overloaded, overloaded)
	if why == callerBusy {
		err = apierror.Errorf(apierror.TooManyRequests, "this caller has too many large requests under way: wait for their answers, or ask for less at once")
	}
	err.Extensions["retryable"] = true
	err.Extensions["retryAfter"] = c.retryAfter()
	return err
}

const overloaded = "the server has too many large requests under way: try again later"

// retryAfter returns the expected time to serve the queue, in seconds.
func (c *Controller) retryAfter() int {
	expected := time.Duration(c.queue.length+c.running) * c.took / time.Duration(c.options.Slots)
	return max(1, int(math.Ceil(expected.Seconds())))
}

// maxQueue returns the most requests that may wait. mu is held.
func (c *Controller) maxQueue() int {
	served := int(c.options.MaxWait / max(c.took, time.Millisecond) * time.Duration(c.options.Slots))
	return min(max(served, 2*c.options.Slots), c.options.MaxQueue)
}

// tryEnter takes a slot if one is free and no request waits.
func (c *Controller) tryEnter(r *Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == c.options.Slots || c.queue.length > 0 {
		return false
	}
	c.running++
	c.queue.started(r.caller)
	return true
}

// enter waits for a slot. A request that has begun and cannot be restarted is urgent: it
// goes ahead of the others and is never refused.
func (c *Controller) enter(ctx context.Context, r *Request, urgent bool) error {
	if c.tryEnter(r) {
		return nil
	}
	c.mu.Lock()
	w, err := c.wait(r.caller, urgent)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	defer func(since time.Time) { c.waits.Observe(time.Since(since).Seconds()) }(time.Now())
	select {
	case <-w.admitted:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.queue.remove(w) { // it was admitted meanwhile
		c.leave(r.caller)
	}
	return context.Cause(ctx)
}

// wait puts a request into the queue. mu is held.
func (c *Controller) wait(caller Caller, urgent bool) (*waiter, error) {
	if !urgent {
		bound := c.maxQueue()
		if c.queue.waiting(caller) >= max(bound/2, 1) {
			return nil, c.refuse(callerBusy)
		}
		if c.queue.length >= bound {
			return nil, c.refuse(serverBusy)
		}
	}
	w := c.queue.add(caller, urgent)
	c.admit()
	return w, nil
}

// giveBack releases a slot that was not used.
func (c *Controller) giveBack(caller Caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(caller)
}

// exit releases a slot that was used for some time.
func (c *Controller) exit(caller Caller, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took += (took - c.took) / 8
	c.leave(caller)
}

// leave passes a slot to the next request. mu is held.
func (c *Controller) leave(caller Caller) {
	c.running--
	c.queue.ended(caller)
	c.admit()
	if c.running == 0 {
		c.rest()
	}
}

// rest schedules the return of memory to the system. mu is held.
func (c *Controller) rest() {
	if c.quiet == nil {
		c.quiet = time.AfterFunc(quietTime, debug.FreeOSMemory)
	}
	c.quiet.Reset(quietTime)
}

// quietTime is the time without a heavy request after which memory is returned to the
// system.
const quietTime = 2 * time.Second

// admit gives free slots to waiting requests. mu is held.
func (c *Controller) admit() {
	for c.running < c.options.Slots && c.queue.length > 0 {
		c.running++
		close(c.queue.next().admitted)
	}
}

// hold charges bytes, and reports whether all requests stay within their limit.
func (c *Controller) hold(bytes int64, light bool) bool {
	bound := c.options.MaxHeld
	if !light {
		bound -= bound / 4
	}
	return c.held.Add(bytes) <= bound
}

// Refusal returns the error for the client if err means that a request was refused or
// stopped; else nil.
func Refusal(err error) *gqlerror.Error {
	if refused := (*gqlerror.Error)(nil); errors.As(err, &refused) {
		return refused
	}
	if problem, ok := fault.As(err); ok {
		return apierror.Errorf(problem.Code, "%s", problem.Message)
	}
	return nil
}

// problem returns the reason to stop a request.
func (c *Controller) problem(why reason) *fault.Error {
	c.rejections[why].Add(1)
	if why == noMemory {
		return fault.New(apierror.Overloaded, "", overloaded)
	}
	if why == tooManyRows {
		return fault.New(apierror.ResponseTooLarge, "",
			"the request reads more than %d bytes: select less of payload, content and meta, or ask for smaller pages", c.options.MaxRows)
	}
	words := fmt.Sprintf("the request needs more than %d MiB of memory: ask for smaller pages, or for fewer payloads, contents and differences", c.options.MaxRequest>>20)
	if why == tooMuchTime {
		words = fmt.Sprintf("the request took more than %v of the server's time: ask for smaller pages, or for fewer differences", c.options.MaxTime)
	}
	return fault.New(apierror.BudgetExceeded, "", "%s", words)
}
