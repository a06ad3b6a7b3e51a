package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/noetl/noetl-catalog/client"
)

// answering returns a server that sends the same answer to every request.
func answering(mediaType, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = io.WriteString(w, body)
	}))
}

func ExampleClient_Do() {
	server := answering("application/json", `{"data": {"resource": {"name": "hello", "latestVersion": {"version": "0.1.3"}}}}`)
	defer server.Close()

	c, err := client.New(server.URL, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	var data struct {
		Resource *struct {
			Name          string
			LatestVersion struct{ Version string }
		}
	}
	err = c.Do(context.Background(), `query($path: String!) { resource(path: $path) { name latestVersion { version } } }`,
		map[string]any{"path": "examples/hello"}, &data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(data.Resource.Name, data.Resource.LatestVersion.Version)
	// Output: hello 0.1.3
}

func ExampleClient_Do_refused() {
	server := answering("application/json", `{"errors": [{"message": "must not be empty", "extensions": {"code": "BAD_USER_INPUT", "argument": "path"}}]}`)
	defer server.Close()

	c, err := client.New(server.URL, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	err = c.Do(context.Background(), `{ resource(path: "") { name } }`, nil, nil)
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Extensions.Code)
	}
	fmt.Println(err)
	fmt.Println("try again:", client.Temporary(err))
	// Output:
	// BAD_USER_INPUT
	// path: must not be empty (BAD_USER_INPUT)
	// try again: false
}

func ExampleClient_Subscribe() {
	server := answering("text/event-stream", "id: MjA\nevent: next\ndata: {\"data\": {\"eventRecorded\": {\"event\": {\"message\": \"hello 0.1.3 registered\"}}}}\n\nid: MjE\n\n")
	defer server.Close()

	c, err := client.New(server.URL, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	stream, err := c.Subscribe(context.Background(), `subscription($after: String) { eventRecorded(after: $after) { event { message } } }`, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stream.Close()
	after := "" // the cursor to resume after, when the stream ends
	for {
		event, err := stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		after = event.ID
		if event.Name != "next" {
			continue // a checkpoint
		}
		var data struct {
			EventRecorded struct{ Event struct{ Message string } }
		}
		if err := client.Decode(event.Data, &data); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(data.EventRecorded.Event.Message)
	}
	fmt.Println("resume after", after)
	// Output:
	// hello 0.1.3 registered
	// resume after MjE
}
