package admission

import (
	"cmp"
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

// LimitOptions configure Limits; zero values are the defaults.
type LimitOptions struct {
	// Connections is the most open connections of clients; 16,000.
	Connections int
	// Sockets is the most WebSockets among them; 15,000, which leaves connections for
	// requests.
	Sockets int
	// Subscriptions is the most running subscriptions; 20,000.
	Subscriptions int
	// Waiting is the most bytes of events that wait for their subscribers; 64 MiB. Half
	// of it is for pages of the log that subscriptions read.
	Waiting int
	// CallerShare is the part of each limit that one caller may use, in percent; 50.
	CallerShare int
}

// Limits limit what clients have open, in total and for each caller. A nil *Limit does
// not limit anything.
type Limits struct {
	Connections, Sockets, Subscriptions, Messages, Pages *Limit
}

// NewLimits returns unused limits.
func NewLimits(o LimitOptions) *Limits {
	limit := func(name, unit string, most int) *Limit {
		return &Limit{name: name, unit: unit, most: most, share: max(most*cmp.Or(o.CallerShare, 50)/100, 1), callers: map[Caller]int{}}
	}
	waiting := cmp.Or(o.Waiting, 64<<20)
	return &Limits{
		Connections:   limit("connections", "connections", cmp.Or(o.Connections, 16_000)),
		Sockets:       limit("sockets", "WebSockets", cmp.Or(o.Sockets, 15_000)),
		Subscriptions: limit("subscriptions", "subscriptions", cmp.Or(o.Subscriptions, 20_000)),
		Messages:      limit("message_bytes", "bytes of waiting events", waiting/2),
		Pages:         limit("page_bytes", "bytes of waiting events", waiting/2),
	}
}

// Limit limits one resource that clients use.
type Limit struct {
	name, unit string
	// most is the limit of all callers together, share that of each caller.
	most, share int

	mu      sync.Mutex
	used    int
	callers map[Caller]int
	// freed is closed at the next release; nil while nobody waits.
	freed chan struct{}
	// callerFull and serverFull count the refusals.
	callerFull, serverFull int
}

// Take takes n for a caller. The error is TOO_MANY_REQUESTS if the caller has used its
// share, and OVERLOADED if the server has no more.
func (l *Limit) Take(caller Caller, n int) *gqlerror.Error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.take(caller, n) {
		return nil
	}
	return l.refuse(n)
}

// Wait takes n for a caller as soon as there is room, until ctx ends. A call for more
// than the caller's share waits until the caller holds nothing.
func (l *Limit) Wait(ctx context.Context, caller Caller, n int) (taken int, refused *gqlerror.Error) {
	if l == nil {
		return n, nil
	}
	n = min(n, l.share)
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.take(caller, n) {
		if l.freed == nil {
			l.freed = make(chan struct{})
		}
		freed := l.freed
		l.mu.Unlock()
		select {
		case <-freed:
			l.mu.Lock()
		case <-ctx.Done():
			l.mu.Lock()
			return 0, l.refuse(n)
		}
	}
	return n, nil
}

// take takes n if there is room. mu is held.
func (l *Limit) take(caller Caller, n int) bool {
	if l.used+n > l.most || l.callers[caller]+n > l.share {
		return false
	}
	l.used += n
	l.callers[caller] += n
	return true
}

// refuse counts a refusal, and returns its error. mu is held.
func (l *Limit) refuse(n int) *gqlerror.Error {
	var err *gqlerror.Error
	if l.used+n > l.most {
		l.serverFull++
		err = apierror.Errorf(apierror.Overloaded, "the server has its limit of %d %s: try again later", l.most, l.unit)
	} else {
		l.callerFull++
		err = apierror.Errorf(apierror.TooManyRequests, "this caller has its share of %d %s: close some first", l.share, l.unit)
	}
	err.Extensions["retryable"] = true
	err.Extensions["retryAfter"] = retryLater
	return err
}

// retryLater is the Retry-After of a limit, in seconds. The time of the next release is
// unknown.
const retryLater = 5

// Release gives n back.
func (l *Limit) Release(caller Caller, n int) {
	if l == nil || n == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used -= n
	if l.callers[caller] -= n; l.callers[caller] == 0 {
		delete(l.callers, caller)
	}
	if l.freed != nil {
		close(l.freed)
		l.freed = nil
	}
}

var (
	usedDesc    = prometheus.NewDesc("catalog_limit_used", "What clients have open, of each limit.", []string{"limit"}, nil)
	mostDesc    = prometheus.NewDesc("catalog_limit", "The most that clients may have open, of each limit.", []string{"limit"}, nil)
	refusedDesc = prometheus.NewDesc("catalog_limit_refused_total",
		"What was refused because the caller had its share of a limit, or the server had no more.", []string{"limit", "reason"}, nil)
)

// Describe implements prometheus.Collector.
func (*Limits) Describe(into chan<- *prometheus.Desc) {
	into <- usedDesc
	into <- mostDesc
	into <- refusedDesc
}

// Collect implements prometheus.Collector.
func (l *Limits) Collect(into chan<- prometheus.Metric) {
	for _, limit := range []*Limit{l.Connections, l.Sockets, l.Subscriptions, l.Messages, l.Pages} {
		limit.mu.Lock()
		used, callerFull, serverFull := limit.used, limit.callerFull, limit.serverFull
		limit.mu.Unlock()
		into <- prometheus.MustNewConstMetric(usedDesc, prometheus.GaugeValue, float64(used), limit.name)
		into <- prometheus.MustNewConstMetric(mostDesc, prometheus.GaugeValue, float64(limit.most), limit.name)
		into <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(callerFull), limit.name, "caller")
		into <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(serverFull), limit.name, "server")
	}
}
