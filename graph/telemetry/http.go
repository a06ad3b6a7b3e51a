package telemetry

import (
	"net/http"
	"strings"
	"time"
)

// HTTP measures the requests of a handler.
func (t *Telemetry) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &writer{ResponseWriter: w, exchange: Exchange{
			Context: r.Context(), telemetry: t, begun: time.Now(), method: r.Method, path: r.URL.Path, caller: Host(r.RemoteAddr),
		}}
		x := &out.exchange
		x.traceHTTP(r)
		//nolint:contextcheck // x is below r's context
		r = r.WithContext(x)
		// The mux sets it.
		x.pattern = &r.Pattern
		//nolint:contextcheck // x is the context
		defer func() {
			x.End()
			out.ResponseWriter, x.pattern = nil, nil // a WebSocket keeps the exchange
		}()
		next.ServeHTTP(out, r)
	})
}

// Host returns a client's address without the port.
func Host(address string) string {
	return address[:max(strings.LastIndexByte(address, ':'), 0)]
}

// writer counts what is written, and is one allocation with its exchange.
type writer struct {
	http.ResponseWriter
	exchange Exchange
}

func (w *writer) WriteHeader(status int) {
	if w.exchange.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.exchange.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(text []byte) (int, error) {
	if w.exchange.status == 0 {
		w.exchange.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(text)
	w.exchange.Sent(n)
	return n, err //nolint:wrapcheck // it is net/http's
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
