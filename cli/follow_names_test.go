package cli

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// knowing answers the query knownNames; registered says whether the path is registered.
func knowing(open, registered bool) func(w http.ResponseWriter) {
	resource, nodes := "null", ""
	if registered {
		resource, nodes = `{"path":"a/b"}`, resource
	}
	return func(w http.ResponseWriter) {
		fmt.Fprintf(w, `{"data":{"eventTypes":[{"name":"REGISTERED"},{"name":"step.failed"},{"name":"step_completed"}],"openEventTypes":%t,`+
			`"resourceTypes":[{"name":"playbook"},{"name":"task"}],"resourcesByPath":[%s],"resources":{"nodes":[%s]}}}`, open, resource, nodes)
	}
}

// An unknown name ends the command with a message that has similar names, since no event
// could match.
func TestFollow_UnknownName_Refused(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--type=NOPE":                     `--type: this server has no event type "NOPE" (it has REGISTERED, step.failed, step_completed)`,
		"--type=":                         `--type: this server has no event type "" (it has REGISTERED, step.failed, step_completed)`,
		"--type=registerxed":              `--type: this server has no event type "registerxed" (did you mean REGISTERED?)`,
		"--type=STEP-FAILED":              `--type: this server has no event type "STEP-FAILED" (did you mean step.failed?)`,
		"--type=step":                     `--type: this server has no event type "step" (did you mean step.failed or step_completed?)`,
		"--type=REGISTERED --type=NOPE":   `--type: this server has no event type "NOPE" (it has REGISTERED, step.failed, step_completed)`,
		"--type=NOPE --after=c0":          `--type: this server has no event type "NOPE" (it has REGISTERED, step.failed, step_completed)`,
		"--resource-type=playbooks":       `--resource-type: this server has no resource type "playbooks" (did you mean playbook?)`,
		"--exclude-type=NOPE":             `--exclude-type: this server has no event type "NOPE" (it has REGISTERED, step.failed, step_completed)`,
		"--resource-type=x --path=a/b":    `--resource-type: this server has no resource type "x" (it has playbook, task)`,
		"--type=step.failed\u202e --json": "--type: this server has no event type \"step.failed\\u202e\" (did you mean step.failed?)",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			p := &player{names: knowing(false, true)}
			command, err := parse(append(strings.Fields(args), "--server="+serve(t, p)))
			if err != nil {
				t.Fatal(err)
			}
			f := follow(t, command, testPace)
			if err := f.wait(t); err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
			equal(t, "subscriptions", 0, len(p.seen()))
		})
	}
}

// follow waits for a name that may still be added, and prints one notice.
func TestFollow_NameNotYetKnown_NoticeAndFollowed(t *testing.T) {
	t.Parallel()
	for args, test := range map[string]struct {
		open, registered bool
		want             string
	}{
		"--type=registered":               {true, false, "this server has no event type \"registered\" (did you mean REGISTERED?); waiting for one to be recorded\n"},
		"--type=REGISTERED":               {false, false, ""},
		"--resource-type=task":            {false, false, ""},
		"--path=a/b":                      {false, false, "nothing is registered at the path \"a/b\"; waiting for it\n"},
		"--path=a/b --path=c":             {false, true, "nothing is registered at the path \"c\"; waiting for it\n"},
		"--path-prefix=a/":                {false, false, "no registered path begins with \"a/\"; waiting for one\n"},
		"--path=a/b --path-prefix=a/":     {false, true, ""},
		"--version=latest":                {false, true, "--version takes labels, and no version can be labelled latest\n"},
		"--version=1.0.0":                 {false, true, ""},
		"--step=any --status=any":         {false, false, ""},
		"--execution-id=not-yet --after=": {false, false, ""},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			p := &player{names: knowing(test.open, test.registered), connections: []func(*connection){
				func(c *connection) { c.open(); c.send(1, 1); c.cut() },
				func(c *connection) { c.open(); c.send(2, 2); c.hold() },
			}}
			command, err := parse(append(strings.Fields(args), "--server="+serve(t, p)))
			if err != nil {
				t.Fatal(err)
			}
			f := follow(t, command, testPace)
			f.stdout.lines(t, 2)
			f.stop(t)
			equal(t, "stderr", test.want+"connection lost, reconnecting: unexpected EOF\nconnected again\n", strings.Join(f.stderr.written(), ""))
		})
	}
}

// If the server is down at first, the names are checked when it is up.
func TestFollow_ServerDownAtFirst_NamesCheckedLater(t *testing.T) {
	t.Parallel()
	asked := 0
	p := &player{names: func(w http.ResponseWriter) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		knowing(false, true)(w)
	}}
	f := follow(t, Follow{Server: serve(t, p), Type: []string{"NOPE"}}, testPace)
	if err := f.wait(t); err == nil || !strings.Contains(err.Error(), `no event type "NOPE"`) {
		t.Errorf("error %v, want one about the type", err)
	}
}
