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

// create makes a new database with initdb. It is made in a directory beside the
// data directory and renamed, so that there is never half a data directory for
// a later start to trust, whenever this process is killed.
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

// removeUnfinished removes what killed runs left. No PostgreSQL ever ran in
// there, and since we hold the lock none of them is still being made.
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
	if err := p.account.own(staging); err != nil {
		return err
	}
	passwordFile := filepath.Join(staging, passwordName)
	if err := p.writePassword(passwordFile); err != nil {
		return fmt.Errorf("writing a new password: %w", err)
	}
	data := filepath.Join(staging, "data")
	if err := p.initdb(ctx, install, data, passwordFile, ephemeral); err != nil {
		return err
	}
	if err := os.Rename(passwordFile, filepath.Join(data, passwordName)); err != nil {
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

func (p *dataDirectory) writePassword(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(rand.Text() + "\n")
	return errors.Join(err, p.account.ownFile(f), f.Sync(), f.Close())
}

func (p *dataDirectory) initdb(ctx context.Context, install Installation, data, passwordFile string, ephemeral bool) error {
	args := []string{
		"--pgdata=" + data,
		"--username=" + databaseUser,
		"--pwfile=" + passwordFile,
		"--auth=scram-sha-256",
		"--encoding=UTF8",
		// Byte order: paging by key and searching by prefix use plain indexes,
		// and no upgrade of the system's locales can damage one.
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
