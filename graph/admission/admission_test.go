package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

func code(err error) fault.Code {
	var refused *gqlerror.Error
	if errors.As(err, &refused) {
		return apierror.Code(refused)
	}
	if problem, ok := fault.As(err); ok {
		return problem.Code
	}
	return ""
}

func enter(t *testing.T, r *Request) {
	t.Helper()
	if err := r.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// execute starts a request's execution, as a transport does.
func execute(t *testing.T, r *Request) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r.Execute(ctx, cancel)
	return ctx
}

func TestHold_LittleMemory_WithoutSlot(t *testing.T) {
	t.Parallel()
	c := New(Options{Slots: 1, Light: 100})
	heavy := c.Begin(t.Context(), Caller{Address: "a"})
	enter(t, heavy)
	for range 50 {
		r := c.Begin(t.Context(), Caller{Address: "a"})
		if err := r.Hold(100); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHold_MuchMemory_TakesFreeSlot(t *testing.T) {
	t.Parallel()
	c := New(Options{Slots: 1, Light: 100})
	first, second := c.Begin(t.Context(), Caller{Address: "a"}), c.Begin(t.Context(), Caller{Address: "a"})
	if err := first.Hold(101); err != nil {
		t.Fatal(err)
	}
	execute(t, second)
	second.Attempt()
	if err := second.Hold(101); !errors.Is(err, errAgain) {
		t.Fatalf("without a free slot: %v", err)
	}
	first.Leave()
	if !second.Waits() {
		t.Fatal("second does not wait for a slot")
	}
	if err := second.Again(); err != nil || second.Held() != 0 {
		t.Errorf("%v, %d bytes held", err, second.Held())
	}
	second.Attempt()
	if err := second.Hold(101); err != nil {
		t.Errorf("with a slot: %v", err)
	}
	if second.Waits() {
		t.Error("second waits, though its attempt was not stopped")
	}
	first.End()
	second.End()
	if held := c.held.Load(); held != 0 || c.running != 0 || len(c.queue.callers) != 0 {
		t.Errorf("%d bytes, %d slots and %d callers left", held, c.running, len(c.queue.callers))
	}
}

func TestHold_NoRestart_WaitsAheadOfTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Slots: 1, Light: 100})
		first, queued, urgent := c.Begin(t.Context(), Caller{Address: "a"}), c.Begin(t.Context(), Caller{Address: "b"}), c.Begin(t.Context(), Caller{Address: "a"})
		enter(t, first)
		var order []string
		var waiting sync.WaitGroup
		waiting.Go(func() { enter(t, queued); order = append(order, "queued"); queued.Leave() })
		synctest.Wait()
		execute(t, urgent)
		waiting.Go(func() {
			if err := urgent.Hold(1000); err != nil {
				t.Error(err)
			}
			order = append(order, "urgent")
			urgent.Leave()
		})
		synctest.Wait()
		first.Leave()
		waiting.Wait()
		if fmt.Sprint(order) != "[urgent queued]" {
			t.Error(order)
		}
		stopQuiet(c)
	})
}

// stopQuiet ends the timer that would outlive a bubble of synctest.
func stopQuiet(c *Controller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quiet != nil {
		c.quiet.Stop()
	}
}

func TestHold_BeyondTheRequestsShare_Stopped(t *testing.T) {
	t.Parallel()
	c := New(Options{Light: 100, MaxRequest: 1000})
	r := c.Begin(t.Context(), Caller{Address: "a"})
	ctx := execute(t, r)
	if err := r.Hold(1000); err != nil {
		t.Fatal(err)
	}
	if err := r.Hold(1); code(err) != apierror.BudgetExceeded {
		t.Errorf("%v", err)
	}
	// Only the first error has the reason, since it knows the field.
	if err := r.Hold(1); !errors.Is(err, context.Canceled) {
		t.Errorf("the second Hold: %v", err)
	}
	if ctx.Err() == nil || code(r.Refusal()) != apierror.BudgetExceeded {
		t.Error("the attempt was not cancelled")
	}
	if n := c.rejections[tooMuchMemory].Load(); n != 1 {
		t.Errorf("%d rejections counted, want 1", n)
	}
}

func TestHold_BeyondAllMemory_LightRequestsContinue(t *testing.T) {
	t.Parallel()
	c := New(Options{Slots: 9, Light: 100, MaxHeld: 10_000})
	for range 3 {
		if err := c.Begin(t.Context(), Caller{Address: "a"}).Hold(2500); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Begin(t.Context(), Caller{Address: "a"}).Hold(101); code(err) != apierror.Overloaded {
		t.Errorf("a heavy request: %v", err)
	}
	for range 23 {
		if err := c.Begin(t.Context(), Caller{Address: "a"}).Hold(100); err != nil {
			t.Fatalf("a light request: %v", err)
		}
	}
	if err := c.Begin(t.Context(), Caller{Address: "a"}).Hold(100); code(err) != apierror.Overloaded {
		t.Errorf("beyond MaxHeld: %v", err)
	}
}

func TestEnter_QueueFull_RefusedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Slots: 1, MaxQueue: 4})
		ctx, cancel := context.WithCancel(t.Context())
		first := c.Begin(t.Context(), Caller{Address: "a"})
		enter(t, first)
		var waiting sync.WaitGroup
		wait := func(caller string) {
			waiting.Go(func() {
				if err := c.Begin(ctx, Caller{Address: caller}).Enter(ctx); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wait("a")
		wait("a")
		if err := c.Begin(t.Context(), Caller{Address: "a"}).Enter(ctx); code(err) != apierror.TooManyRequests {
			t.Errorf("a caller with half of the queue: %v", err)
		}
		wait("b")
		wait("b")
		err := c.Begin(t.Context(), Caller{Address: "c"}).Enter(ctx)
		if code(err) != apierror.Overloaded {
			t.Errorf("a full queue: %v", err)
		}
		var refused *gqlerror.Error
		if errors.As(err, &refused) && refused.Extensions["retryAfter"] != 1 {
			t.Errorf("extensions %v", refused.Extensions)
		}
		cancel()
		waiting.Wait()
		if c.queue.length != 0 {
			t.Errorf("%d requests are still queued", c.queue.length)
		}
		first.End()
		stopQuiet(c)
	})
}

// A caller with many requests does not keep others from their share.
func TestEnter_ManyCallers_InTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{Slots: 2, MaxQueue: 1000, MaxWait: time.Hour})
		var mu sync.Mutex
		var order []string
		var waiting sync.WaitGroup
		run := func(caller string) {
			waiting.Go(func() {
				r := c.Begin(t.Context(), Caller{Address: caller})
				defer r.End()
				if err := r.Enter(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, caller)
				mu.Unlock()
				time.Sleep(time.Second) // of the bubble's clock
			})
			synctest.Wait()
		}
		for range 20 {
			run("busy")
		}
		for range 3 {
			run("b")
			run("c")
		}
		waiting.Wait()
		others := 0
		for _, caller := range order[:11] {
			if caller != "busy" {
				others++
			}
		}
		if others != 6 {
			t.Errorf("the order is %v", order)
		}
		time.Sleep(time.Minute)
	})
}

func TestSlot_TooLong_Stopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{MaxTime: time.Second})
		r := c.Begin(t.Context(), Caller{Address: "a"})
		enter(t, r)
		time.Sleep(600 * time.Millisecond)
		r.Leave()
		time.Sleep(time.Minute)
		enter(t, r)
		ctx := execute(t, r)
		began := time.Now()
		<-ctx.Done()
		if took := time.Since(began); took != 400*time.Millisecond || code(r.Refusal()) != apierror.BudgetExceeded {
			t.Errorf("after %v: %v", took, r.Refusal())
		}
		r.End()
		time.Sleep(time.Minute)
	})
}

func TestSpend_BeyondTheTime_Stopped(t *testing.T) {
	t.Parallel()
	c := New(Options{MaxTime: time.Second})
	r := c.Begin(t.Context(), Caller{Address: "a"})
	if err := r.Spend(time.Second); err != nil {
		t.Fatal(err)
	}
	if err := r.Spend(1); code(err) != apierror.BudgetExceeded {
		t.Errorf("%v", err)
	}
}

func TestRequest_Nil_WithoutBounds(t *testing.T) {
	t.Parallel()
	r := Of(t.Context())
	if err := errors.Join(r.Hold(1<<40), r.Enter(t.Context()), r.Spend(time.Hour)); err != nil {
		t.Error(err)
	}
	r.Leave()
	r.End()
}

// All slots and bytes are released, whatever requests do and however they end.
func TestController_AnyRequests_NothingLeft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := New(Options{
			Slots: rapid.IntRange(1, 3).Draw(rt, "slots"), Light: 10, MaxRequest: 100, MaxHeld: int64(rapid.IntRange(50, 500).Draw(rt, "memory")),
			MaxQueue: rapid.IntRange(1, 8).Draw(rt, "queue"),
		})
		ctx, cancel := context.WithCancel(context.Background())
		var group sync.WaitGroup
		for range rapid.IntRange(1, 20).Draw(rt, "requests") {
			caller := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "caller")
			sizes := rapid.SliceOfN(rapid.IntRange(-20, 60), 0, 6).Draw(rt, "sizes")
			restarts, enters := rapid.Bool().Draw(rt, "restarts"), rapid.Bool().Draw(rt, "enters")
			group.Go(func() {
				r := c.Begin(ctx, Caller{Address: caller})
				defer r.End()
				if enters && r.Enter(ctx) != nil {
					return
				}
				r.Execute(ctx, func() {})
				for {
					if restarts {
						r.Attempt()
					}
					for _, size := range sizes {
						if r.Hold(size) != nil {
							break
						}
					}
					if !r.Waits() || r.Again() != nil {
						return
					}
				}
			})
		}
		if rapid.Bool().Draw(rt, "cancel") {
			cancel()
		}
		group.Wait()
		cancel()
		if c.running != 0 || c.queue.length != 0 || len(c.queue.callers) != 0 || c.held.Load() != 0 {
			rt.Errorf("left: %d slots, %d in the queue, %d callers, %d bytes", c.running, c.queue.length, len(c.queue.callers), c.held.Load())
		}
	})
}
