package transport

import (
	"mime"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// plainJSON is what older clients expect: request errors come with 200.
	plainJSON = "application/json"
	// responseJSON is GraphQL's own media type: request errors come with their HTTP status.
	responseJSON = "application/graphql-response+json"
	// eventStream is the media type of server-sent events.
	eventStream = "text/event-stream"
	// multipartMixed is the media type of responses whose parts are JSON
	// documents.
	multipartMixed = "multipart/mixed"
)

// acceptance is what a client accepts.
type acceptance struct {
	// json is the media type of a response in JSON; empty if none is accepted.
	json   string
	events bool
	// deferrals and subscriptions are the forms of multipart/mixed.
	deferrals, subscriptions bool
	// checkpoints: the keep-alives of a multipart subscription may carry them.
	// Clients opt in, since Apollo Client treats one as a response without data.
	checkpoints bool
}

// parseAccept reads the Accept headers, and skips invalid ranges. In JSON it chooses
// the media type of higher quality; if equal, GraphQL's own if it is named, else
// application/json. A client that names no form of multipart/mixed is assumed to
// support @defer, the first use of the type.
func parseAccept(headers []string) (a acceptance) {
	if strings.TrimSpace(strings.Join(headers, "")) == "" {
		return acceptance{json: plainJSON}
	}
	qualities := map[string]float64{}
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, parameters, err := mime.ParseMediaType(part)
		quality := 1.0
		if q, given := parameters["q"]; given && err == nil {
			quality, err = strconv.ParseFloat(q, 64)
		}
		if err != nil || !(quality >= 0 && quality <= 1) {
			continue
		}
		qualities[name] = max(qualities[name], quality)
		switch {
		case quality == 0:
		case name == eventStream:
			a.events = true
		case name == multipartMixed:
			deferSpec, defers := parameters["deferspec"]
			subscriptionSpec, subscribes := parameters["subscriptionspec"]
			_, newer := parameters["incrementalspec"]
			a.deferrals = a.deferrals || deferSpec == "20220824" || !defers && !subscribes && !newer
			a.subscriptions = a.subscriptions || subscriptionSpec == "1.0"
			a.checkpoints = a.checkpoints || parameters["checkpoints"] == "true"
		}
	}
	// The most precise range that matches sets the quality of a media type (RFC
	// 9110, section 12.5.1).
	qualityOf := func(mediaType string) (quality float64) {
		for _, name := range []string{"*/*", "application/*", mediaType} {
			if given, ok := qualities[name]; ok {
				quality = given
			}
		}
		return quality
	}
	plain, response := qualityOf(plainJSON), qualityOf(responseJSON)
	_, named := qualities[responseJSON]
	switch {
	case response > plain || response == plain && response > 0 && named:
		a.json = responseJSON
	case plain > 0:
		a.json = plainJSON
	}
	return a
}

// framing returns the framing of a response in parts, and whether the operation
// needs one that the client accepts. op is nil for an invalid operation.
func (a acceptance) framing(op *graphql.OperationContext, deferred bool) (frames framing, several bool) {
	subscribes := op != nil && op.Operation.Operation == ast.Subscription
	switch {
	case a.events:
		return serverSentEvents{}, subscribes || deferred
	case subscribes:
		return multipartEvents{checkpoints: a.checkpoints}, a.subscriptions
	case a.deferrals:
		return multipartIncrements{}, deferred
	}
	return multipartEvents{}, false
}
