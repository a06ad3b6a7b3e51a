package transport

import (
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

// negotiate chooses the media type of the answer by the Accept headers:
// the one of the higher quality; of equals, GraphQL's own if it is named, else
// application/json. Without a header the answer is application/json. It
// answers false where neither is acceptable.
func negotiate(accept []string) (mediaType string, ok bool) {
	if strings.TrimSpace(strings.Join(accept, "")) == "" {
		return plainJSON, true
	}
	var plain, response preference
	for _, header := range accept {
		for part := range strings.SplitSeq(header, ",") {
			mediaRange, quality, ok := parseRange(part)
			if !ok {
				continue
			}
			plain.consider(mediaRange, quality, plainJSON)
			response.consider(mediaRange, quality, responseJSON)
		}
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

// How precisely a range names a media type: the most precise range that
// matches says its quality (RFC 9110, section 12.5.1).
const (
	anything = 1 + iota
	anyApplication
	exact
)

type preference struct {
	precision int
	quality   float64
}

func (p *preference) consider(mediaRange string, quality float64, mediaType string) {
	precision := 0
	switch mediaRange {
	case "*/*":
		precision = anything
	case "application/*":
		precision = anyApplication
	case mediaType:
		precision = exact
	}
	if precision > p.precision || precision == p.precision && precision > 0 && quality > p.quality {
		*p = preference{precision, quality}
	}
}

// parseRange reads a media range and its q; what cannot be read is skipped.
func parseRange(part string) (mediaRange string, quality float64, ok bool) {
	mediaRange, parameters, err := mime.ParseMediaType(part)
	if err != nil {
		return "", 0, false
	}
	q, given := parameters["q"]
	if !given {
		return mediaRange, 1, true
	}
	quality, err = strconv.ParseFloat(q, 64)
	if err != nil || !(quality >= 0 && quality <= 1) {
		return "", 0, false
	}
	return mediaRange, quality, true
}
