package main

import (
	"context"
	"os"
	"time"
)

// parentCheck is how often the parent is looked for: it bounds for how long a
// server outlives a test that was killed.
const parentCheck = 200 * time.Millisecond

// watchParent calls gone once this process has been adopted by another one,
// which is how the end of a parent shows, kill -9 included. It returns when ctx
// is done. parent is what os.Getppid said at the start; a process that was the
// child of init from the beginning (a service, a container) has nobody to miss.
func watchParent(ctx context.Context, parent int, gone func()) {
	if parent == 1 {
		return
	}
	ticker := time.NewTicker(parentCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if os.Getppid() != parent {
				gone()
				return
			}
		}
	}
}
