//go:build !linux

package chaos

import "syscall"

// dieWithParent does nothing: children of a test that is killed have to be ended by hand.
func dieWithParent(*syscall.SysProcAttr) {}
