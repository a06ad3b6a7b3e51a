package transport

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// multipartMixed is the media type of responses whose parts are JSON documents.
const multipartMixed = "multipart/mixed"

// Multipart is the transport for multipart/mixed: @defer in the form of
// 2022-08-24 (deferSpec=20220824), which Apollo Client and urql support, and
// subscriptions in Apollo's own (subscriptionSpec=1.0, see
// https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol),
// which Apollo Client chooses by default.
//
// If the client also accepts JSON, a response of one part is JSON.
type Multipart Streaming

var _ graphql.Transport = Multipart{}

// Supports implements graphql.Transport.
func (Multipart) Supports(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return false
	}
	forms := multipartForms(r)
	return forms.deferrals || forms.subscriptions
}

// forms are the supported forms of multipart/mixed that a client accepts.
type forms struct {
	deferrals, subscriptions bool
	// checkpoints: keep-alives may carry them. Clients opt in, since Apollo
	// Client treats one as a response without data.
	checkpoints bool
}

// multipartForms reads the Accept headers. A client that names no form is
// assumed to support @defer, the first use of the type.
func multipartForms(r *http.Request) (known forms) {
	for accepted := range acceptedRanges(r.Header.Values("Accept")) {
		if accepted.name != multipartMixed || accepted.quality == 0 {
			continue
		}
		deferSpec, defers := accepted.parameters["deferspec"]
		subscriptionSpec, subscribes := accepted.parameters["subscriptionspec"]
		_, newer := accepted.parameters["incrementalspec"]
		known.deferrals = known.deferrals || deferSpec == "20220824" || !defers && !subscribes && !newer
		known.subscriptions = known.subscriptions || subscriptionSpec == "1.0"
		known.checkpoints = known.checkpoints || accepted.parameters["checkpoints"] == "true"
	}
	return known
}

// Do implements graphql.Transport.
func (m Multipart) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	forms := multipartForms(r)
	Streaming(m).serve(w, r, exec, func(op *graphql.OperationContext) (framing, bool) {
		switch {
		case op != nil && op.Operation.Operation == ast.Subscription:
			return multipartEvents{checkpoints: forms.checkpoints}, forms.subscriptions
		case forms.deferrals:
			return multipartIncrements{}, op != nil && Defers(op)
		}
		return multipartEvents{}, false
	})
}

const (
	boundary = "graphql"
	// Each part ends with the boundary of the next: clients read a part when
	// they see its end.
	partHead = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
	partTail = "\r\n--" + boundary
)

// multipartIncrements frames the parts of a response to @defer.
type multipartIncrements struct{}

func (multipartIncrements) mediaType() string {
	return multipartMixed + `; boundary="` + boundary + `"; deferSpec=20220824`
}
func (multipartIncrements) opening() string         { return "--" + boundary }
func (multipartIncrements) keepAlive(string) string { return "" }
func (multipartIncrements) closing() string         { return "--\r\n" }

func (multipartIncrements) part(_ string, payload [][]byte) []byte {
	pieces := slices.Concat([][]byte{[]byte(partHead)}, payload, [][]byte{[]byte(partTail)})
	return bytes.Join(pieces, nil)
}

// multipartEvents frames the responses of a subscription.
type multipartEvents struct {
	multipartIncrements
	checkpoints bool
}

func (multipartEvents) mediaType() string {
	return multipartMixed + `; boundary="` + boundary + `"; subscriptionSpec="1.0"`
}

// keepAlive returns a part without a payload.
func (e multipartEvents) keepAlive(checkpoint string) string {
	if checkpoint == "" || !e.checkpoints {
		return partHead + "{}" + partTail
	}
	return partHead + `{"extensions":{"checkpoint":"` + checkpoint + `"}}` + partTail
}

func (e multipartEvents) part(cursor string, payload [][]byte) []byte {
	return e.multipartIncrements.part(cursor, slices.Concat([][]byte{[]byte(`{"payload":`)}, payload, [][]byte{[]byte("}")}))
}
