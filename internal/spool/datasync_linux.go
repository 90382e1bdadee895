package spool

import (
	"errors"
	"os"
	"syscall"
)

// datasync leaves out what nobody needs to read the file again, such as its time. The size is written.
func datasync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
