package chaos

import "syscall"

// dieWithParent makes the kernel end a child when the test ends, however that happens.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
