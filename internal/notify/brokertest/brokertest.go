// Package brokertest has what the tests of senders for brokers have in common: events to tell, and programs that end with the test.
package brokertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast/internal/cloudevent"
	"holdfast/internal/notify/sender"
	"holdfast/internal/webhook"
)

// Message is an event of this id on its way: an account was banned.
func Message(id string) sender.Message { return message(id, "DISABLE") }

// Large is an event of about so many bytes.
func Large(id string, size int) sender.Message { return message(id, strings.Repeat("x", size)) }

func message(id, state string) sender.Message {
	e := webhook.Event{
		ID: id, Type: webhook.AccountBanned, Time: time.Date(2025, 10, 23, 8, 23, 27, 0, time.UTC), Source: "meta-main", Provider: "meta",
		Account: "100000000000001", Data: &webhook.Ban{State: state, Date: "October 23, 2025"},
	}
	return sender.Message{Telling: webhook.Telling{Event: e}, CloudEvent: cloudevent.Of(e), At: time.Unix(1761207807, 0)}
}

// Context is what a sender is told of itself.
func Context() sender.Context {
	return sender.Context{Destination: "crm", Agent: "holdfast/1.2.3", Timeout: 10 * time.Second, Concurrency: 8}
}

// Send makes one attempt, which ends when patience does.
func Send(t *testing.T, s sender.Sender, m sender.Message, patience time.Duration) *webhook.Verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return s.Send(ctx, m)
}

// A Program runs as the child of a shell that waits for its standard input to end, which also happens when this process does.
type Program struct {
	lifeline io.Closer
	shell    *exec.Cmd
}

// Start starts the shell, whose script starts the program and kills it once there is nothing more to read, and waits until the
// program has said that it is ready.
func Start(t *testing.T, shell *exec.Cmd, ready string) *Program {
	t.Helper()
	lifeline, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Program{lifeline, shell}
	t.Cleanup(p.Kill)
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if strings.Contains(lines.Text(), ready) {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return p
		}
	}
	t.Fatalf("it never said %q: %s", ready, said.String())
	return nil
}

// Kill ends the program as a crash would.
func (p *Program) Kill() {
	if p.lifeline != nil {
		_ = p.lifeline.Close()
		_ = p.shell.Wait()
		p.lifeline = nil
	}
}
