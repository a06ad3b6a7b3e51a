package message

import (
	"fmt"
	"strconv"
	"strings"
)

// filter converts a value.
type filter func(value) value

// makeFilter returns a filter of Jinja's by its name and arguments, or describes the
// problem with them.
func makeFilter(name string, arguments []value) (made filter, problem string) {
	switch name {
	case "default", "d":
		return defaultFilter(arguments)
	case "truncate":
		return truncateFilter(arguments)
	case "tojson":
		made = func(v value) value { return textValue(v.toJSON()) }
	case "upper":
		made = func(v value) value { return textValue(strings.ToUpper(v.String())) }
	case "lower":
		made = func(v value) value { return textValue(strings.ToLower(v.String())) }
	default:
		return nil, fmt.Sprintf("unknown filter %q; known are default, tojson, upper, lower and truncate", name)
	}
	if len(arguments) > 0 {
		return nil, name + " takes no arguments"
	}
	return made, ""
}

// defaultFilter is default(value, boolean=false): it replaces an undefined value,
// and, with true, one that is empty, zero or false. Unlike Jinja's it treats null
// as undefined, as a reader of JSON expects.
func defaultFilter(arguments []value) (filter, string) {
	fallback, falsy := textValue(""), false
	if len(arguments) > 2 || len(arguments) == 2 && !arguments[1].isBoolean() {
		return nil, "default takes a value and, at most, true or false after it"
	}
	if len(arguments) > 0 {
		fallback = arguments[0]
	}
	if len(arguments) > 1 {
		falsy = arguments[1].truthy()
	}
	return func(v value) value {
		if v.kind == undefined || falsy && !v.truthy() {
			return fallback
		}
		return v
	}, ""
}

// leeway is the number of characters beyond the length that a text may have without
// being cut (Jinja's default).
const leeway = 5

// truncateFilter is truncate(length=255, killwords=false, end='...'): it cuts the
// text to length characters, end included, at a space unless killwords.
func truncateFilter(arguments []value) (filter, string) {
	length, killWords, end := 255, false, "..."
	for i, a := range arguments {
		number, err := strconv.ParseInt(string(a.json), 10, 32)
		switch {
		case i == 0 && err == nil:
			length = int(number)
		case i == 1 && a.isBoolean():
			killWords = a.truthy()
		case i == 2 && a.kind == isText:
			end = a.text
		default:
			return nil, "truncate takes a whole number, true or false, and a string"
		}
	}
	tail := len([]rune(end))
	if length < tail {
		return nil, fmt.Sprintf("truncate cannot cut to %d characters with %d of them at the end", length, tail)
	}
	return func(v value) value {
		text := []rune(v.String())
		if len(text) <= length+leeway {
			return textValue(string(text))
		}
		cut := string(text[:length-tail])
		if space := strings.LastIndexByte(cut, ' '); space >= 0 && !killWords {
			cut = cut[:space]
		}
		return textValue(cut + end)
	}, ""
}
