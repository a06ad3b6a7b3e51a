package admission

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

func TestLimit_CallerUsesItsShare_OthersContinue(t *testing.T) {
	t.Parallel()
	l := NewLimits(LimitOptions{Sockets: 4}).Sockets
	a, b, c := Caller{Address: "a"}, Caller{Authorization: "a"}, Caller{Address: "c"}
	for _, step := range []struct {
		caller Caller
		n      int
		want   string
	}{
		{a, 2, ""},
		{a, 1, "TOO_MANY_REQUESTS"},
		{b, 2, ""},
		{c, 1, "OVERLOADED"},
		{b, -1, ""},
		{c, 1, ""},
		{b, 1, "OVERLOADED"},
		{a, -2, ""},
		{a, 2, ""},
		{c, -1, ""},
		{a, 1, "TOO_MANY_REQUESTS"},
	} {
		if step.n < 0 {
			l.Release(step.caller, -step.n)
			continue
		}
		got := ""
		if err := l.Take(step.caller, step.n); err != nil {
			got = string(apierror.Code(err))
			if err.Extensions["retryAfter"] == nil || err.Extensions["retryable"] != true {
				t.Errorf("extensions %v", err.Extensions)
			}
		}
		if got != step.want {
			t.Errorf("%+v: %q", step, got)
		}
	}
	if l.callerFull != 2 || l.serverFull != 2 {
		t.Errorf("%d and %d refusals counted", l.callerFull, l.serverFull)
	}
}

// After any sequence of Take and Release, the sums equal those of a map, and a caller
// that holds nothing has no entry.
func TestLimit_AnySequence_CountsWhatIsHeld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := NewLimits(LimitOptions{Subscriptions: rapid.IntRange(1, 20).Draw(t, "most"), CallerShare: rapid.IntRange(1, 100).Draw(t, "share")}).Subscriptions
		held := map[Caller]int{}
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			caller := Caller{Address: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "caller")}
			n := rapid.IntRange(1, 5).Draw(t, "n")
			if rapid.Bool().Draw(t, "release") {
				n = min(n, held[caller])
				l.Release(caller, n)
				held[caller] -= n
				continue
			}
			sum := held[Caller{Address: "a"}] + held[Caller{Address: "b"}] + held[Caller{Address: "c"}]
			fits := held[caller]+n <= l.share && sum+n <= l.most
			if err := l.Take(caller, n); (err == nil) != fits {
				t.Fatalf("take %d, where the caller holds %d of %d and all hold %d of %d: %v", n, held[caller], l.share, sum, l.most, err)
			}
			if fits {
				held[caller] += n
			}
		}
		for caller, n := range held {
			l.Release(caller, n)
		}
		if l.used != 0 || len(l.callers) != 0 {
			t.Fatalf("%d and %v left", l.used, l.callers)
		}
	})
}

func TestLimit_Wait_UntilThereIsRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimits(LimitOptions{Waiting: 400}).Messages // 100 a caller
		a, b := Caller{Address: "a"}, Caller{Address: "b"}
		if taken, err := l.Wait(t.Context(), a, 1000); taken != 100 || err != nil {
			t.Fatalf("more than its share: %d, %v", taken, err)
		}
		if _, err := l.Wait(t.Context(), b, 50); err != nil {
			t.Fatal(err)
		}
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if taken, err := l.Wait(t.Context(), a, 30); taken != 30 || err != nil {
					t.Errorf("%d, %v", taken, err)
				}
			})
		}
		synctest.Wait()
		if l.used != 150 {
			t.Errorf("%d used", l.used)
		}
		l.Release(a, 100)
		waiting.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if taken, err := l.Wait(ctx, a, 30); taken != 0 || apierror.Code(err) != apierror.TooManyRequests {
			t.Errorf("%d, %v", taken, err)
		}
	})
}

func TestLimits_Metrics(t *testing.T) {
	t.Parallel()
	limits := NewLimits(LimitOptions{Sockets: 2})
	_ = limits.Sockets.Take(Caller{}, 1)
	_ = limits.Sockets.Take(Caller{}, 1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(limits)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			key := family.GetName()
			for _, label := range metric.GetLabel() {
				key += " " + label.GetValue()
			}
			got[key] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	for key, want := range map[string]float64{
		"catalog_limit_used sockets": 1, "catalog_limit sockets": 2, "catalog_limit connections": 16_000,
		"catalog_limit_refused_total sockets caller": 1, "catalog_limit_refused_total sockets server": 0,
	} {
		if value, ok := got[key]; !ok || value != want {
			t.Errorf("%s is %v, want %v", key, value, want)
		}
	}
}
