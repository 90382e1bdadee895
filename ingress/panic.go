package ingress

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// A panicError is a bug that we lived through.
type panicError struct {
	cause string
	stack []byte
}

func (p *panicError) Error() string { return "panic: " + p.cause }

// recoverAs, deferred, turns a panic into an error. Of the value that was thrown it keeps only what the runtime says
// itself; anything else might hold a part of the webhook.
func recoverAs(err *error) {
	thrown := recover()
	if thrown == nil {
		return
	}
	bug := &panicError{cause: fmt.Sprintf("%T", thrown), stack: debug.Stack()}
	if e, ok := thrown.(runtime.Error); ok {
		bug.cause = e.Error()
	}
	*err = bug
}
