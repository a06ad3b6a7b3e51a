// Package config reads the command line of noetl-catalog: commands, flags and
// environment variables, with their help and checks. The flags of a command in
// package cli stand beside that command.
//
//	command, err := config.Parse(os.Args[1:], os.Stdout, os.Stderr)
//	switch command := command.(type) {
//	case *config.Serve:
//		…
//	}
package config

import (
	"fmt"
	"io"
	"reflect"

	"github.com/alecthomas/kong"

	"github.com/noetl/noetl-catalog/cli"
)

type commandLine struct {
	Serve      Serve          `cmd:"" default:"withargs" help:"Serve GraphQL (the default command)."`
	Migrate    Migrate        `cmd:"" help:"Bring the database's schema up to date, and exit."`
	Register   cli.Register   `cmd:"" help:"Register playbooks from files and directories."`
	List       cli.List       `cmd:"" help:"List the resources of a running server."`
	Search     cli.Search     `cmd:"" help:"Find resources by words, the best matches first."`
	Show       cli.Show       `cmd:"" help:"Show a version of a resource."`
	History    cli.History    `cmd:"" help:"List the versions of a resource."`
	Diff       cli.Diff       `cmd:"" help:"Compare two versions of a resource."`
	Refs       cli.Refs       `cmd:"" help:"Show what a resource calls and uses, and what calls it."`
	Runs       cli.Runs       `cmd:"" help:"List runs."`
	Run        cli.Run        `cmd:"" help:"Show a run with its steps."`
	Query      cli.Query      `cmd:"" help:"Send a GraphQL document."`
	Follow     cli.Follow     `cmd:"" help:"Follow the events of a running server."`
	Token      cli.Token      `cmd:"" help:"Make a token for a caller of a server with --tokens."`
	Completion cli.Completion `cmd:"" help:"Print a script that completes commands in bash, zsh or fish."`
	Version    Version        `cmd:"" help:"Print the version."`
}

// Migrate is the command `migrate`.
type Migrate struct {
	Database    `embed:""`
	cli.Migrate `embed:""`
}

// Version is the command `version`.
type Version struct{}

// Error is an invalid configuration.
type Error struct{ text string }

func (e *Error) Error() string { return e.text }

func invalid(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Parse returns the command that the arguments name, with its flags checked: a
// *Serve, *Migrate, *Version, or a pointer to a command of package cli. The
// command is nil if the arguments ask for help, which Parse prints.
func Parse(args []string, stdout, stderr io.Writer) (any, error) {
	var line commandLine
	helped := false
	parser, err := kong.New(&line,
		kong.Name("noetl-catalog"),
		kong.Description("A GraphQL server over NoETL's catalog of versioned resources and its log of events."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return nil, fmt.Errorf("define the command line: %w", err)
	}
	// The forms that other programs have, beside the command and the flag.
	switch {
	case len(args) == 1 && args[0] == "--version":
		args = []string{"version"}
	case len(args) > 0 && args[0] == "complete":
		// The words to complete are not a valid command line yet.
		return &cli.Complete{Words: args[1:], Commands: parser.Model.Node}, nil
	case len(args) > 0 && args[0] == "help":
		args = append(args[1:len(args):len(args)], "--help")
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w (--help explains each flag)", err)
	}
	if err := checkFilled(parsed); err != nil {
		return nil, err
	}
	command := parsed.Selected().Target.Addr().Interface()
	if checked, ok := command.(interface{ check() error }); ok {
		return command, checked.check()
	}
	return command, nil
}

// checkFilled rejects an empty value, as a script passes for a variable that is not set:
// most commands would take the flag as left out, and list or serve too much. A prefix may
// be empty, since every path begins with it.
func checkFilled(parsed *kong.Context) error {
	for _, element := range parsed.Path {
		switch {
		case element.Flag != nil && element.Flag.PlaceHolder != "PREFIX" && isEmpty(parsed.Value(element)):
			return invalid("--%s must not be empty", element.Flag.Name)
		case element.Positional != nil && isEmpty(parsed.Value(element)):
			return invalid("<%s> must not be empty", element.Positional.Name)
		}
	}
	return nil
}

// isEmpty reports whether a value of the command line is, or contains, an empty string.
func isEmpty(value reflect.Value) bool {
	switch value.Kind() {
	case reflect.String:
		return value.Len() == 0
	case reflect.Pointer:
		return !value.IsNil() && isEmpty(value.Elem())
	case reflect.Slice:
		if value.Len() == 0 {
			return true
		}
		for i := range value.Len() {
			if isEmpty(value.Index(i)) {
				return true
			}
		}
	}
	return false
}
