package graphiql

import (
	"strconv"
	"strings"
)

// coding is a content coding of HTTP that the bundle can be sent in.
type coding string

const (
	identity coding = ""
	gzipped  coding = "gzip"
	brotli   coding = "br"
)

// negotiate picks the coding that a client likes best by its Accept-Encoding
// (RFC 9110, 12.5.3), the smaller one where it does not mind. A client that
// says nothing gets the file as it is.
func negotiate(acceptEncoding []string) coding {
	quality := map[string]float64{}
	for _, item := range strings.Split(strings.Join(acceptEncoding, ","), ",") {
		name, parameters, _ := strings.Cut(item, ";")
		q := 1.0
		if _, text, found := strings.Cut(parameters, "="); found {
			// What is no number is 0: not wanted.
			q, _ = strconv.ParseFloat(strings.TrimSpace(text), 64)
		}
		quality[strings.ToLower(strings.TrimSpace(name))] = q
	}

	best, most := identity, quality["identity"]
	for _, candidate := range []coding{gzipped, brotli} {
		q, named := quality[string(candidate)]
		if !named {
			q = quality["*"]
		}
		if q > 0 && q >= most {
			best, most = candidate, q
		}
	}
	return best
}
