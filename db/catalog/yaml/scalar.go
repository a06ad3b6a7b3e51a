package yaml

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
)

// The tags of the core schema's scalars.
const (
	strTag   = "!!str"
	nullTag  = "!!null"
	boolTag  = "!!bool"
	intTag   = "!!int"
	floatTag = "!!float"
	// nonSpecificTag makes a string of a plain scalar: "! 12".
	nonSpecificTag = "!"
)

// resolve returns the core schema's tag of a scalar, and its JSON text or, for a
// string, its value.
func (w *writer) resolve(n *yaml.Node) (tag, text string, _ *fault.Error) {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	tagged := n.Style&yaml.TaggedStyle != 0
	if tagged && slices.Contains([]string{strTag, "!!binary", "!!timestamp"}, n.Tag) ||
		!tagged && (n.Style&quoted != 0 || n.Tag == nonSpecificTag) {
		return strTag, n.Value, nil
	}
	tag, text, problem := resolvePlain(n.Value)
	switch {
	case !tagged:
	case n.Tag == floatTag && tag == intTag && problem == "":
		tag, text = floatTag, text+".0"
	case !slices.Contains([]string{nullTag, boolTag, intTag, floatTag}, n.Tag):
		return "", "", w.fault(n, "the tag %s is not known", fault.Excerpt(n.Tag))
	case tag != n.Tag:
		return "", "", w.fault(n, "%s is not what its tag %s says", fault.Excerpt(n.Value), n.Tag)
	}
	if problem == "" && (tag == intTag || tag == floatTag) {
		problem = jsontext.NumberProblem([]byte(text))
	}
	if problem != "" {
		return "", "", w.fault(n, "%s; quote it if it is meant as a string", problem)
	}
	return tag, text, nil
}

// Numbers of the core schema. The groups of a decimal number are its sign,
// integer, fraction with the point, and exponent.
var (
	decimalNumber  = regexp.MustCompile(`^([-+]?)([0-9]*)((?:\.[0-9]*)?)((?:[eE][-+]?[0-9]+)?)$`)
	prefixedNumber = regexp.MustCompile(`^0(?:o[0-7]+|x[0-9a-fA-F]+)$`)
)

// resolvePlain resolves a plain scalar by YAML 1.2's core schema (section
// 10.3.2) to its tag and its JSON text, or reports why JSON cannot have it. The
// digits of a decimal number stay as they are: JSON only wants no plus sign, and
// a digit on both sides of the point. What begins with a zero too many is a
// string.
func resolvePlain(value string) (tag, text, problem string) {
	switch value {
	case "", "~", "null", "Null", "NULL":
		return nullTag, "null", ""
	case "true", "True", "TRUE":
		return boolTag, "true", ""
	case "false", "False", "FALSE":
		return boolTag, "false", ""
	case ".nan", ".NaN", ".NAN":
		return floatTag, "", "JSON has no NaN"
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return floatTag, "", "JSON has no infinity"
	}
	if !strings.ContainsRune("+-.0123456789", rune(value[0])) {
		return strTag, value, ""
	}
	if prefixedNumber.MatchString(value) {
		if len(value) > jsontext.MaxNumberLength { // converting takes time quadratic in the length
			return intTag, "", fmt.Sprintf("a number may be %d characters long; this one is %d", jsontext.MaxNumberLength, len(value))
		}
		number, _ := new(big.Int).SetString(value, 0)
		return intTag, number.String(), ""
	}
	parts := decimalNumber.FindStringSubmatch(value)
	if parts == nil {
		return strTag, value, ""
	}
	sign, whole, fraction, exponent := parts[1], parts[2], parts[3], parts[4]
	if whole == "" && len(fraction) < 2 || len(whole) > 1 && whole[0] == '0' {
		return strTag, value, ""
	}
	if fraction == "." {
		fraction = ".0"
	}
	tag = floatTag
	if fraction == "" && exponent == "" {
		tag = intTag
	}
	return tag, strings.TrimPrefix(sign, "+") + cmp.Or(whole, "0") + fraction + exponent, ""
}
