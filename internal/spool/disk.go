package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// A disk is what the spool needs of the operating system to write. Tests have one that fails.
type disk interface {
	// create makes a file that was not there, for its owner only.
	create(path string) (file, error)
	// open opens a file of progress at its end, or makes it.
	open(path string) (file, error)
	// openRead opens a file to read.
	openRead(path string) (readable, error)
	remove(path string) error
	rename(from, to string) error
	// syncDir makes durable which files a directory has.
	syncDir(path string) error
}

type file interface {
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	// Datasync makes durable what was written. Once it has failed, nothing is known of the file: the kernel may have
	// dropped what it could not write, and a second call would say that all is well.
	Datasync() error
}

type readable interface {
	io.ReaderAt
	io.Closer
}

// system is the disk of the operating system.
type system struct{}

type systemFile struct{ *os.File }

var errDeleted = errors.New("somebody has deleted the file")

// Datasync fails as well if the file has no name any more: then it is durable for nobody.
func (f systemFile) Datasync() error {
	if err := datasync(f.File); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink == 0 {
		return errDeleted
	}
	return nil
}

func (system) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return systemFile{f}, err
}

func (system) open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	return systemFile{f}, err
}

func (system) openRead(path string) (readable, error) { return os.Open(path) }
func (system) remove(path string) error               { return os.Remove(path) }
func (system) rename(from, to string) error           { return os.Rename(from, to) }

func (system) syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// asFull makes ErrFull of the errors that mean that there is no room.
func asFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
