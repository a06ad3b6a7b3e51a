package graphiql

import (
	"strconv"
	"strings"
)

// coding is an HTTP content coding in which the bundle can be sent.
type coding string

const (
	identity coding = ""
	gzipped  coding = "gzip"
	brotli   coding = "br"
)

// negotiate returns the coding with the highest quality in Accept-Encoding (RFC 9110,
// 12.5.3), or identity if there is no header. Of codings with equal quality it returns the
// one with the smaller files.
func negotiate(acceptEncoding []string) coding {
	quality := map[string]float64{}
	for item := range strings.SplitSeq(strings.Join(acceptEncoding, ","), ",") {
		name, parameters, _ := strings.Cut(item, ";")
		q := 1.0
		if _, text, found := strings.Cut(parameters, "="); found {
			q, _ = strconv.ParseFloat(strings.TrimSpace(text), 64) // 0 if it is not a number
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
