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

// Request is the account of one request. A nil Request is without bounds. Its
// methods may be called concurrently.
type Request struct {
	controller *Controller
	caller     Caller
	held, rows atomic.Int64
	report     apierror.Report

	mu sync.Mutex
	// since is when the slot was taken; zero without a slot.
	since time.Time
	// spent is the time in earlier slots, and what Spend has added.
	spent time.Duration
	// stop ends what is executed.
	stop  context.CancelFunc
	alarm *time.Timer
	// again: the attempt was stopped because no slot was free.
	again   bool
	refusal error
	// failure is why the request is stopped.
	failure *fault.Error
	// base is what the request held when the attempt began.
	base int64
	// ctx is that of the request, later of what is executed. It may wait for a slot.
	ctx context.Context //nolint:containedctx // an account is that of one request
	// begun: something is executed. restarts: it is an attempt that may be stopped and
	// begun again.
	begun, restarts bool
}

// Caller returns whose request it is.
func (r *Request) Caller() Caller {
	if r == nil {
		return Caller{}
	}
	return r.caller
}

// Key is the key of a context's Request.
type Key struct{}

// Value returns what the request is for a context that has it: its account, for which
// rows are charged too, and the report of its errors.
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

// Enter waits for a slot, unless the request has one. It is refused with
// TOO_MANY_REQUESTS or OVERLOADED if too many wait already.
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

// Leave gives the slot back. What the request holds remains charged.
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

// End returns all that the request holds.
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

// Execute prepares the request for what is executed in ctx. stop ends that with the
// request's budget.
func (r *Request) Execute(ctx context.Context, stop context.CancelFunc) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ctx, r.stop, r.begun = ctx, stop, true
}

// Attempt begins an attempt to execute the request, which is stopped where the request
// turns out to need a slot and none is free: then Waits reports so.
func (r *Request) Attempt() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts, r.again, r.base = true, false, r.held.Load()
}

// Waits reports whether the attempt was stopped to wait for a slot. If it was not, it
// will not be: part of the answer may be sent.
func (r *Request) Waits() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts = r.again
	return r.again
}

// Again returns what the attempt held, and waits for a slot to attempt it again. An
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

// Refusal returns why the request was stopped, or did not get the slot that it turned
// out to need; else nil.
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

// Held returns how many bytes the request holds.
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

// waitUnlocked waits for a slot where the attempt cannot begin again.
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

// Keep charges bytes that arrive from the client. It never takes a slot, which a slow
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

// Spend charges time that a computation is expected to take, such as a difference,
// before it is made.
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

// stopped returns the error for what a stopped request does next. Only the field that
// stopped it has the reason, with its path. mu is held.
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
