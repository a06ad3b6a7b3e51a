package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Request accounts for the memory and time of one request. A nil Request has no limits.
// It is safe for concurrent use.
type Request struct {
	controller *Controller
	caller     Caller
	held, rows atomic.Int64
	report     apierror.Report

	mu sync.Mutex
	// since is the time when the slot was taken; zero without a slot.
	since time.Time
	// spent is the time in earlier slots, plus the time added by Spend.
	spent time.Duration
	// stop cancels the execution.
	stop  context.CancelFunc
	alarm *time.Timer
	// again: the attempt was stopped because no slot was free.
	again   bool
	refusal error
	// failure is the reason why the request was stopped.
	failure *fault.Error
	// base is the number of bytes held when the attempt began.
	base int64
	// ctx bounds the wait for a slot: the request's context, later the execution's.
	ctx context.Context //nolint:containedctx // an account is that of one request
	// begun: execution has begun. restarts: it is an attempt that may be stopped and
	// restarted.
	begun, restarts bool
}

// Caller returns the caller of the request.
func (r *Request) Caller() Caller {
	if r == nil {
		return Caller{}
	}
	return r.caller
}

// Key is the key of a context's Request.
type Key struct{}

// Value returns the request's values for a context: the request, its budget for rows,
// and the report of its errors.
func (r *Request) Value(key any) any {
	switch key.(type) {
	case Key:
		return r
	case rows.BudgetKey:
		return (*rowsBudget)(r)
	case apierror.ReportKey:
		return &r.report
	}
	return nil
}

// Of returns the request of a context; nil if there is none.
func Of(ctx context.Context) *Request {
	r, _ := ctx.Value(Key{}).(*Request)
	return r
}

// errAgain stops an attempt that has to wait for a slot.
var errAgain = errors.New("the request waits for a slot")

// Enter waits for a slot, unless the request has one. The error is TOO_MANY_REQUESTS or
// OVERLOADED if too many requests wait.
func (r *Request) Enter(ctx context.Context) error { return r.enter(ctx, false) }

func (r *Request) enter(ctx context.Context, urgent bool) error {
	if r == nil || r.entered() {
		return nil
	}
	if err := r.controller.enter(ctx, r, urgent); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took()
	return nil
}

func (r *Request) entered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.since.IsZero()
}

// took records that the request has a slot. mu is held.
func (r *Request) took() {
	r.since = time.Now()
	r.alarm = time.AfterFunc(max(r.controller.options.MaxTime-r.spent, 0), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.since.IsZero() && r.spent+time.Since(r.since) >= r.controller.options.MaxTime {
			_ = r.fail(tooMuchTime)
		}
	})
}

// Leave releases the slot. The bytes that the request holds remain charged.
func (r *Request) Leave() {
	if r == nil {
		return
	}
	r.mu.Lock()
	since := r.since
	r.since = time.Time{}
	if !since.IsZero() {
		r.alarm.Stop()
		r.spent += time.Since(since)
	}
	r.mu.Unlock()
	if !since.IsZero() {
		r.controller.exit(r.caller, time.Since(since))
	}
}

// End releases all bytes that the request holds.
func (r *Request) End() {
	if r == nil {
		return
	}
	r.Leave()
	held, c := r.held.Swap(0), r.controller
	c.held.Add(-held)
	if held > c.options.Light {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.rest()
	}
}

// Execute begins the execution of the request in ctx. stop is called when the request
// exceeds its budget.
func (r *Request) Execute(ctx context.Context, stop context.CancelFunc) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ctx, r.stop, r.begun = ctx, stop, true
}

// Attempt begins an attempt to execute the request. The attempt is stopped if the
// request needs a slot and none is free; then Waits returns true.
func (r *Request) Attempt() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts, r.again, r.base = true, false, r.held.Load()
}

// Waits reports whether the attempt was stopped to wait for a slot. If not, it cannot be
// stopped for that any more, since part of the answer may be sent.
func (r *Request) Waits() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts = r.again
	return r.again
}

// Again releases the bytes of the attempt, and waits for a slot for the next one. An
// error is also the request's Refusal.
func (r *Request) Again() error {
	r.mu.Lock()
	base, ctx := r.base, r.ctx
	r.mu.Unlock()
	r.controller.held.Add(base - r.held.Swap(base))
	r.rows.Store(0)
	r.report.Clear() // the errors of the attempt
	err := r.Enter(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusal = err
	return err
}

// Refusal returns the error that stopped the request, or that refused it a slot; else
// nil.
func (r *Request) Refusal() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return r.failure
	}
	return r.refusal
}

// Report returns the report of the request's errors.
func (r *Request) Report() *apierror.Report { return &r.report }

// Held returns the number of bytes that the request holds.
func (r *Request) Held() int64 {
	if r == nil {
		return 0
	}
	return r.held.Load()
}

// Hold charges bytes that the request holds from now on. An error means that the
// request must stop, or its attempt. bytes may be negative.
func (r *Request) Hold(bytes int) error {
	if r == nil {
		return nil
	}
	c := r.controller
	held := r.held.Add(int64(bytes))
	light := held <= c.options.Light
	within := c.hold(int64(bytes), light)
	if bytes <= 0 || light && within {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.failure != nil:
		return r.stopped()
	case r.again:
		return errAgain
	case held > c.options.MaxRequest:
		return r.fail(tooMuchMemory)
	case !within:
		return r.fail(noMemory)
	case !r.since.IsZero():
		return nil
	case c.tryEnter(r):
		r.took()
		return nil
	case r.restarts:
		r.again = true
		return errAgain
	}
	return r.waitUnlocked()
}

// waitUnlocked waits for a slot for an execution that cannot be restarted.
func (r *Request) waitUnlocked() error {
	ctx, urgent := r.ctx, r.begun
	r.mu.Unlock()
	err := r.controller.enter(ctx, r, urgent)
	r.mu.Lock()
	switch {
	case err != nil:
		return err
	case r.since.IsZero():
		r.took()
	default: // another goroutine of the request has taken one
		r.controller.giveBack(r.caller)
	}
	return nil
}

// rowsBudget charges a request for the rows that it reads.
type rowsBudget Request

// Hold implements rows.Budget.
func (b *rowsBudget) Hold(bytes int) error {
	r := (*Request)(b)
	if r.rows.Add(int64(bytes)) > r.controller.options.MaxRows {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.fail(tooManyRows)
	}
	return r.Hold(bytes)
}

// Keep charges bytes that arrive from the client. It does not take a slot, which a slow
// client would block.
func (r *Request) Keep(bytes int) error {
	if r == nil {
		return nil
	}
	held := r.held.Add(int64(bytes))
	if r.controller.hold(int64(bytes), held <= r.controller.options.Light) || bytes <= 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fail(noMemory)
}

// Spend charges the expected time of a computation, such as a difference, in advance.
func (r *Request) Spend(expected time.Duration) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return r.stopped()
	}
	r.spent += expected
	if r.spent > r.controller.options.MaxTime {
		return r.fail(tooMuchTime)
	}
	return nil
}

var errStopped = fmt.Errorf("the request is stopped: %w", context.Canceled)

// stopped returns the error for further calls of a stopped request. Only the field that
// stopped the request reports the reason, with its path. mu is held.
func (r *Request) stopped() error {
	if r.begun {
		return errStopped
	}
	return r.failure
}

// fail stops the request. mu is held.
func (r *Request) fail(why reason) error {
	if r.failure != nil {
		return r.stopped()
	}
	r.failure = r.controller.problem(why)
	if r.stop != nil {
		r.stop()
	}
	return r.failure
}
