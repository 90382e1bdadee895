// Package sender is the contract of those who tell destinations: one folder beside it for each type of destination, such as
// slack or kafka, and a line in the list of package notify.
package sender

import (
	"context"
	"errors"
	"time"

	"holdfast/internal/cloudevent"
	"holdfast/internal/webhook"
)

// A Type is a type of destination, as holdfast.yaml names it.
type Type struct {
	// Name is the value of the setting type.
	Name string

	// Options returns a pointer to a struct of its settings, with yaml tags and their defaults. The comments on its members
	// are the manual. Secrets in it are a [holdfast/internal/signature.Secret].
	Options func() any

	// Check says what is wrong with settings that could be read. It holds nothing of their values.
	Check func(options any) []Problem

	// Open makes the sender of one destination, of options that Check finds nothing wrong with. It connects to nobody: the
	// first attempt does. The error holds nothing of the settings.
	Open func(options any, c Context) (Sender, error)
}

// TypeOf makes a type whose settings are an O, of functions that know it. What Open is given is checked before open is called.
func TypeOf[O any, S Sender](name string, defaults O, check func(*O) []Problem, open func(*O, Context) (S, error)) Type {
	return Type{
		Name:    name,
		Options: func() any { o := defaults; return &o },
		Check:   func(options any) []Problem { return check(options.(*O)) },
		Open: func(options any, c Context) (Sender, error) {
			if problems := check(options.(*O)); len(problems) > 0 {
				return nil, errors.New(problems[0].Setting + " " + problems[0].Text)
			}
			s, err := open(options.(*O), c)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}
}

// A Problem is what is wrong with a setting, such as "want an absolute URL"; the setting is the name in holdfast.yaml, or
// empty.
type Problem struct{ Setting, Text string }

// Context is what a sender should know besides its own settings.
type Context struct {
	Destination string        // its name
	Agent       string        // this program and its version, such as holdfast/1.2.3
	Timeout     time.Duration // of an attempt: its context ends then
	Concurrency int           // attempts that may be under way at once
}

// A Sender tells one destination. It is safe for concurrent use.
type Sender interface {
	// Send makes one attempt to tell of an event, and returns when it is known what came of it, or soon after the context
	// ends. Nil means that the destination has it, durably as far as it promises that. The reasons of a verdict are fixed
	// words: they hold nothing of an answer, no address and no secret.
	Send(ctx context.Context, m Message) *webhook.Verdict

	// Close gives up connections. Attempts under way are not harmed.
	Close()
}

// A Batcher is a sender that takes several events in one attempt.
type Batcher interface {
	// Batch is how many at most; 1 if it is not configured to.
	Batch() int
	// SendBatch makes one attempt to tell of all of them: the destination has all of them, or the verdict is for all.
	SendBatch(ctx context.Context, batch []Message) *webhook.Verdict
}

// A Message is what a destination is told in one attempt.
type Message struct {
	webhook.Telling
	// CloudEvent is the event as systems read it.
	CloudEvent cloudevent.Envelope
	// At is when the attempt begins.
	At time.Time
	// Account is what the configuration knows of the event's account.
	Account Account
	// Link leads a person to the workflow; empty where nobody has configured the Temporal UI.
	Link string
}

// An Account is an account as its owner knows it.
type Account struct {
	Name   string
	Tenant string
	Labels map[string]string
}
