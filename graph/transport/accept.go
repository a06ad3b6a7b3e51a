package transport

import (
	"iter"
	"mime"
	"strconv"
	"strings"
)

const (
	// plainJSON is what older clients expect: request errors come with 200.
	plainJSON = "application/json"
	// responseJSON is GraphQL's own, whose statuses mean what they say.
	responseJSON = "application/graphql-response+json"
)

// negotiate chooses the media type of the response by the Accept headers: the
// one of higher quality; if equal, GraphQL's own if it is named, else
// application/json. ok is false if neither is acceptable.
func negotiate(accept []string) (mediaType string, ok bool) {
	if strings.TrimSpace(strings.Join(accept, "")) == "" {
		return plainJSON, true
	}
	var plain, response preference
	for accepted := range acceptedRanges(accept) {
		plain.consider(accepted, plainJSON)
		response.consider(accepted, responseJSON)
	}
	switch {
	case plain.quality == 0 && response.quality == 0:
		return "", false
	case response.quality > plain.quality,
		response.quality == plain.quality && response.precision == exact:
		return responseJSON, true
	}
	return plainJSON, true
}

// How precisely a range names a media type: the most precise range that matches
// sets its quality (RFC 9110, section 12.5.1).
const (
	anything = 1 + iota
	anyApplication
	exact
)

type preference struct {
	precision int
	quality   float64
}

func (p *preference) consider(accepted mediaRange, mediaType string) {
	precision := 0
	switch accepted.name {
	case "*/*":
		precision = anything
	case "application/*":
		precision = anyApplication
	case mediaType:
		precision = exact
	}
	if precision > p.precision || precision == p.precision && precision > 0 && accepted.quality > p.quality {
		*p = preference{precision, accepted.quality}
	}
}

// mediaRange is a media type that a client accepts, with its quality (0 to 1)
// and parameters.
type mediaRange struct {
	name       string
	quality    float64
	parameters map[string]string
}

// acceptedRanges parses Accept headers and skips invalid ranges.
func acceptedRanges(accept []string) iter.Seq[mediaRange] {
	return func(yield func(mediaRange) bool) {
		for _, header := range accept {
			for part := range strings.SplitSeq(header, ",") {
				accepted, ok := parseRange(part)
				if ok && !yield(accepted) {
					return
				}
			}
		}
	}
}

func parseRange(part string) (mediaRange, bool) {
	name, parameters, err := mime.ParseMediaType(part)
	if err != nil {
		return mediaRange{}, false
	}
	accepted := mediaRange{name, 1, parameters}
	if q, given := parameters["q"]; given {
		accepted.quality, err = strconv.ParseFloat(q, 64)
		if err != nil || !(accepted.quality >= 0 && accepted.quality <= 1) {
			return mediaRange{}, false
		}
	}
	return accepted, true
}
