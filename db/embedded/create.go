package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// create makes a new database with initdb, in a directory beside the data
// directory that is renamed in the end: if this process is killed, no later start
// finds an incomplete data directory.
func (p *dataDirectory) create(ctx context.Context, install Installation, ephemeral bool) error {
	if err := p.removeUnfinished(); err != nil {
		return err
	}
	staging, err := os.MkdirTemp(filepath.Dir(p.dir), p.unfinishedPrefix()+"*")
	if err != nil {
		return fmt.Errorf("making a directory to initialise the database in: %w", err)
	}
	err = p.createIn(ctx, staging, install, ephemeral)
	return errors.Join(err, os.RemoveAll(staging))
}

func (p *dataDirectory) unfinishedPrefix() string { return filepath.Base(p.dir) + ".init-" }

// removeUnfinished removes the databases that killed runs left unfinished. No
// PostgreSQL ever ran in them, and since we hold the lock, no other process is
// making one.
func (p *dataDirectory) removeUnfinished() error {
	parent := filepath.Dir(p.dir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("looking for unfinished databases: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), p.unfinishedPrefix()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(parent, entry.Name())); err != nil {
			return fmt.Errorf("removing an unfinished database: %w", err)
		}
	}
	return nil
}

func (p *dataDirectory) createIn(ctx context.Context, staging string, install Installation, ephemeral bool) error {
	if err := p.account.chown(staging); err != nil {
		return err
	}
	root, err := os.OpenRoot(staging)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := p.account.writePrivate(root, passwordName, rand.Text()); err != nil {
		return fmt.Errorf("writing a new password: %w", err)
	}
	data := filepath.Join(staging, "data")
	if err := p.initdb(ctx, install, data, filepath.Join(staging, passwordName), ephemeral); err != nil {
		return err
	}
	if err := root.Rename(passwordName, filepath.Join("data", passwordName)); err != nil {
		return fmt.Errorf("keeping the password: %w", err)
	}
	if err := syncDir(data); err != nil {
		return err
	}
	if err := renameOverEmpty(data, p.dir); err != nil {
		if errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) {
			return fmt.Errorf("%s is a mount point; choose a directory in it, such as %s",
				p.dir, filepath.Join(p.dir, "postgres"))
		}
		return fmt.Errorf("moving the new database to its directory: %w", err)
	}
	return syncDir(filepath.Dir(p.dir))
}

func (p *dataDirectory) initdb(ctx context.Context, install Installation, data, passwordFile string, ephemeral bool) error {
	args := []string{
		"--pgdata=" + data,
		"--username=" + databaseUser,
		"--pwfile=" + passwordFile,
		"--auth=scram-sha-256",
		"--encoding=UTF8",
		// Byte order: paging by key and searching by prefix use plain indexes,
		// which no upgrade of the system's locales can damage.
		"--locale=C",
		"--no-instructions",
	}
	if ephemeral {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(install.BinDir, "initdb"), args...) //nolint:gosec // found by us or named by the operator
	cmd.Dir = filepath.Dir(data)
	cmd.Env = childEnvironment()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = childAttributes(p.account, syscall.SIGKILL)
	// The death signal is sent when the thread ends; see launch.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("initialising the database with %s: %w\n%s", cmd.Path, err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening a directory to sync it: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}
