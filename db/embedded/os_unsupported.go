//go:build !unix

package embedded

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// On these systems the package only compiles: Start returns the error of tryLock
// before it makes a database.

const noFollow = 0

func tryLock(*os.File) error {
	return errors.New("the embedded PostgreSQL runs on Linux and macOS only; " +
		"give the URL of one that runs with --database-url")
}

func ownerOf(fs.FileInfo) (uid, gid uint32) { return 0, 0 }

func childAttributes(*account, syscall.Signal) *syscall.SysProcAttr { return nil }

func processExists(int) bool { return false }

func processesOf(string) ([]process, error) { return nil, nil }

func renameOverEmpty(from, to string) error { return os.Rename(from, to) }

func signalProcess(int, syscall.Signal) error { return nil }
