package model_test

import (
	"fmt"

	"github.com/noetl/noetl-catalog/graph/model"
)

// A global id holds the type and the key of an object.
func ExampleDecodeID() {
	id := model.VersionID("reports/daily", "1.0.1")
	key, ok := model.DecodeID(id)
	fmt.Println(key.Type, key.Path, key.Label, ok)

	_, ok = model.DecodeID("reports/daily")
	fmt.Println(ok)
	// Output:
	// Version reports/daily 1.0.1 true
	// false
}
