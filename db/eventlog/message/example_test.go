package message_test

import (
	"fmt"

	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/db/fault"
)

func ExampleParse() {
	template, err := message.Parse("{{ resource_path }}: {{ payload.error.message | default('unknown error') | truncate(20) }}")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, payload := range []string{`{"error": {"message": "no route to the host"}}`, `{}`} {
		text, err := template.Render(message.Values{ResourcePath: "reports/daily", Payload: []byte(payload)})
		fmt.Println(text, err)
	}
	// Output:
	// reports/daily: no route to the host <nil>
	// reports/daily: unknown error <nil>
}

// Statements are refused, with their position in the template.
func ExampleParse_refused() {
	_, err := message.Parse("Rows:\n{% for row in payload %}{{ row }}{% endfor %}")
	if refused, ok := fault.As(err); ok {
		fmt.Printf("line %d, column %d: %s\n", refused.Line, refused.Column, refused.Message)
	}
	// Output:
	// line 2, column 1: statements ({% … %}) are not part of what templates can do; use {{ name | filter }}
}

// Values that a template does not use need not be loaded.
func ExampleTemplate_Uses() {
	template, err := message.Parse("{{ event_type }} of {{ resource_path }}")
	fmt.Println(err, template.Uses("payload"), template.Uses("event_type"))
	// Output:
	// <nil> false true
}
