package config_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/noetl/noetl-catalog/config"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/internal/await"
)

func TestParse_InvalidFlag_RefusedWithItsName(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(broken, []byte("secret publisher\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"serve --listen 0.0.0.0:80":                       "--listen 0.0.0.0:80: this server listens on loopback only",
		"serve --listen example.com:80":                   "this server listens on loopback only",
		"serve --listen 127.0.0.1":                        "--listen 127.0.0.1: address 127.0.0.1: missing port in address",
		"serve --pprof :80":                               "--pprof :80: this server listens on loopback only",
		"serve --max-connections 1":                       "--max-connections must be at least 2",
		"serve --max-payload 1023":                        "--max-payload must be from 1 KiB to 64 MiB",
		"serve --max-payload 67108865":                    "--max-payload must be from 1 KiB to 64 MiB",
		"serve --allow-origin *":                          "--allow-origin *: ",
		"serve --allow-origin app.example.com":            "--allow-origin app.example.com: ",
		"serve --max-connections 91":                      "--max-connections must be at most 90 with a PostgreSQL of our own",
		"serve --max-response 65535":                      "--max-response must be from 64 KiB to 256 MiB",
		"serve --max-response 268435457":                  "--max-response must be from 64 KiB to 256 MiB",
		"serve --max-clients 15":                          "--max-clients must be from 16 to 10000000",
		"serve --max-sockets 0":                           "--max-sockets must be from 1 to 10000000",
		"serve --max-subscriptions 10000001":              "--max-subscriptions must be from 1 to 10000000",
		"serve --max-waiting 1000":                        "--max-waiting must be from 1 MiB to 16 GiB",
		"serve --caller-share 101":                        "--caller-share must be from 1 to 100",
		"serve --query-timeout 99ms":                      "--query-timeout must be from 100ms to 5m",
		"serve --query-timeout 301s":                      "--query-timeout must be from 100ms to 5m",
		"serve --slow-timeout 99ms":                       "--slow-timeout must be from 100ms to 1m",
		"serve --slow-timeout 61s":                        "--slow-timeout must be from 100ms to 1m",
		"serve --slow-query=-1s":                          "--slow-query must not be negative",
		"serve --keep-alive 999ms":                        "--keep-alive must be from 1s to 5m",
		"serve --keep-alive 301s":                         "--keep-alive must be from 1s to 5m",
		"serve --tokens missing":                          "--tokens: open missing: no such file or directory",
		"serve --tokens " + broken:                        "--tokens " + broken + ": line 1",
		"serve --database-url postgres:// --db-port 1":    "leave them out, or leave out --database-url",
		"migrate --database-url postgres:// --data-dir x": "leave them out, or leave out --database-url",
	} {
		_, err := config.Parse(strings.Fields(args), io.Discard, io.Discard)
		var invalid *config.Error
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", args, err, want)
		}
	}
	for _, args := range []string{"serve --log-level loud", "dance", "follow --since x", "token", "serve --max-payload many"} {
		if _, err := config.Parse(strings.Fields(args), io.Discard, io.Discard); err == nil || !strings.HasSuffix(err.Error(), "(--help explains each flag)") {
			t.Errorf("%s: error %v, want one that names --help", args, err)
		}
	}
}

// An empty value, such as that of an unset variable, would list or serve too much.
func TestParse_EmptyValue_RefusedWithItsName(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"list --calls=": "--calls", "list --tool=": "--tool", "list --uses=": "--uses", "list --type=": "--type", "list --type a --tag=": "--tag",
		"list --since=": "--since", "runs --path=": "--path", "runs --idle=": "--idle", "runs --text=": "--text", "show a --version=": "--version",
		"follow --after=": "--after", "follow --path a --path=": "--path", "follow --step=": "--step", "query --operation= a": "--operation",
		"token --role viewer --owner=": "--owner", "serve --tokens=": "--tokens", "serve --database-url=": "--database-url", "serve --register=": "--register",
		"migrate --data-dir=": "--data-dir", "register --database-url= a": "--database-url",
		"search \x00": "<words>", "search a \x00": "<words>", "refs \x00": "<path>", "run \x00": "<id>", "diff a \x00": "<path@version>",
	} {
		_, err := config.Parse(strings.Split(strings.ReplaceAll(args, "\x00", ""), " "), io.Discard, io.Discard)
		if err == nil || err.Error() != want+" must not be empty" {
			t.Errorf("%q: error %v, want one that names %s", args, err, want)
		}
	}
	for _, args := range []string{"list --prefix= --path-prefix=", "runs --prefix=", "follow --path-prefix="} {
		if _, err := config.Parse(strings.Fields(args), io.Discard, io.Discard); err != nil {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestParse_NoArguments_ServeWithDefaults(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--log-level", "debug"}, {"serve", "--listen", "[::1]:0", "--keep-alive", "1s"}} {
		command, err := config.Parse(args, io.Discard, io.Discard)
		serve, ok := command.(*config.Serve)
		if err != nil || !ok || serve.MaxConnections != 20 || serve.Tokens != nil || (serve.Level == slog.LevelDebug) != (len(args) == 2) {
			t.Errorf("%q: %+v, %v", args, command, err)
		}
	}
}

func TestParse_Help_PrintedWithoutCommand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"help"}, {"help", "serve"}, {"serve", "--help"}} {
		var printed strings.Builder
		if command, err := config.Parse(args, &printed, io.Discard); command != nil || err != nil || !strings.HasPrefix(printed.String(), "Usage: noetl-catalog") {
			t.Errorf("%q: %v, %v, printed %q", args, command, err, printed.String())
		}
	}
}

func TestReload_TokensFile_ReadAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, firstLine := auth.NewToken(auth.Viewer, "")
	second, secondLine := auth.NewToken(auth.Admin, "")
	write(firstLine)
	command, err := config.Parse([]string{"serve", "--tokens", file}, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	serve := command.(*config.Serve)
	ctx, cancel := context.WithCancel(t.Context())
	signals, ended := make(chan os.Signal), make(chan error)
	go func() { ended <- serve.Reload(ctx, signals, slog.New(slog.DiscardHandler)) }()
	wantKnown := func(want string) {
		t.Helper()
		for token, name := range map[string]string{first: "one", second: "two"} {
			if _, ok := serve.Tokens.Caller(token); ok != (name == want) {
				t.Errorf("token %s is known: %t", name, ok)
			}
		}
	}
	reload := func() {
		for range 2 { // the first is handled when the second is received
			signals <- syscall.SIGHUP
		}
	}
	write("secret viewer\n")
	reload()
	wantKnown("one")
	write(secondLine)
	reload()
	wantKnown("two")
	cancel()
	if err := await.Value(t, ended); err != nil {
		t.Error(err)
	}
}

func TestParse_OwnerWithLineBreak_Refused(t *testing.T) {
	t.Parallel()
	_, err := config.Parse([]string{"token", "--role", "viewer", "--owner", "me\nsha256:"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--owner must not contain line breaks") {
		t.Error(err)
	}
}

func TestListeners_PortTaken_InvalidAndNothingLeft(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	serve := config.Serve{Listen: free.Addr().String(), Pprof: taken.Addr().String()}
	var invalid *config.Error
	if _, _, err := serve.Listeners(t.Context()); !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), "--pprof: ") {
		t.Error(err)
	}
	again, err := net.Listen("tcp", serve.Listen)
	if err != nil {
		t.Fatal("--listen is still open: ", err)
	}
	again.Close()
}

// The limit of connections leaves files for the database: half of them if few can be open.
func TestLimits_FewFiles_FewerConnections(t *testing.T) {
	t.Parallel()
	command, err := config.Parse(nil, io.Discard, io.Discard)
	serve, ok := command.(*config.Serve)
	if err != nil || !ok {
		t.Fatal(command, err)
	}
	for files, want := range map[int]int{1 << 20: 16_000, 1024: 1024 - 20 - 128, 256: 128} {
		if got := serve.Limits(files, config.Memory{Subscriptions: 16_000}); got.Connections != want || got.Sockets != 15_000 || got.Subscriptions != 16_000 || got.CallerShare != 50 {
			t.Errorf("%d files: %+v, want %d connections", files, got, want)
		}
	}
	if config.OpenFiles() < 16 {
		t.Errorf("%d files", config.OpenFiles())
	}
}
