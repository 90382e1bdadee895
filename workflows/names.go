// Package workflows says what happens to webhooks, as pure decisions: which step follows which, what is retried, what is
// parked and how an operator makes it go on. It reads no configuration and no clock of its own: routes, limits and the
// choice of path come recorded from activities, so that a history replays whatever the configuration has become.
//
// This file is the contract with everybody outside: names, ids, signals, queries and search attributes. None of it is
// ever renamed without an alias.
package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"

	"holdfast/internal/webhook"
)

// TaskQueue is where workers look for work unless holdfast.yaml says otherwise.
const TaskQueue = "holdfast"

// The messages that a [ProcessWebhooks] workflow takes.
const (
	// Reprocess is the name of a signal and of an update that take a [Command]. The update answers; the signal works
	// without a worker, and for many workflows at once by query.
	Reprocess = "reprocess"
	// State is the name of a query that returns a [Status].
	State = "state"
)

// The messages that a [Destination] workflow takes, besides the query [State], which returns an [activities.Standing].
const (
	// Pause is the name of a signal that takes an [Order]: nobody tells the destination until it is resumed.
	Pause = "pause"
	// Resume is the name of a signal that takes an [Order]: the destination is asked at once, whoever holds it.
	Resume = "resume"
	// Look is the name of a signal from workers: something is held or owed that was not.
	Look = "look"
	// Drop is the name of an update that takes a [DropOrder]: what was handed over for the destination is let go. It returns an
	// [activities.DropResult].
	Drop = "drop"
)

// A [Replay] workflow takes the signals [Pause] and [Resume] and the query [State], which returns a [Replayed].

// The search attributes. Values are seen by everybody who may list workflows: they hold no person's number, name or text.
var (
	SourceKey   = temporal.NewSearchAttributeKeyKeyword("HoldfastSource")
	StageKey    = temporal.NewSearchAttributeKeyKeyword("HoldfastStage")
	ProblemKey  = temporal.NewSearchAttributeKeyKeyword("HoldfastProblem")
	EventsKey   = temporal.NewSearchAttributeKeyKeywordList("HoldfastEvents")
	AccountsKey = temporal.NewSearchAttributeKeyKeywordList("HoldfastAccounts")
	WaitingKey  = temporal.NewSearchAttributeKeyKeywordList("HoldfastWaiting")
)

// SearchAttributes lists the search attributes to register.
func SearchAttributes() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{SourceKey, StageKey, ProblemKey, EventsKey, AccountsKey, WaitingKey}
}

// The stages that StageKey tells. A workflow that is closed has reached told, recorded, given_up or owed.
const (
	StageProcessing = "processing" // being verified, normalized, recorded
	StageRetrying   = "retrying"   // a destination could not be told yet; Temporal tries again
	StageParked     = "parked"     // waits for an operator
	StageTold       = "told"       // every destination was told
	StageRecorded   = "recorded"   // nobody was to be told: nothing new, or nobody asked for it
	StageGivenUp    = "given_up"   // an operator let some of it go
	StageOwed       = "owed"       // left to the workflow of a destination, because that is held, or has a rate or an order
)

// The stages of a destination.
const (
	StageFlowing = "flowing" // it is told, by the workflows of webhooks or by its own
	StageHeld    = "held"    // it is in trouble, and asked now and then
	StagePaused  = "paused"  // an operator holds it
)

// A search attribute over 2 KiB, as it is encoded, would end the workflow, so lists and their members are bounded.
const (
	maxListed  = 20
	maxKeyword = 80
	maxEncoded = 2000
)

// ID is the id of the workflow for a group: for a single webhook its source and id, so that a redelivery finds it; for
// several a hash of their ids.
func ID(group []webhook.Webhook) string {
	if len(group) == 1 {
		return "wh/" + group[0].Source + "/" + group[0].ID
	}
	h := sha256.New()
	for _, w := range group {
		h.Write([]byte(w.Source + "/" + w.ID + "\n"))
	}
	return "wg/" + hex.EncodeToString(h.Sum(nil)[:16])
}

// DestinationID is the id of a destination's workflow. Two installations may share a namespace, each with a task queue of its
// own, so any but the usual one is part of the id.
func DestinationID(taskQueue, destination string) string {
	if taskQueue == TaskQueue {
		return "destination/" + destination
	}
	return "destination/" + taskQueue + "/" + destination
}

// ReplayID is the id of a workflow that has recorded events told again to a destination; name tells it from others.
func ReplayID(taskQueue, destination, name string) string {
	if taskQueue == TaskQueue {
		return "replay/" + destination + "/" + name
	}
	return "replay/" + taskQueue + "/" + destination + "/" + name
}

// listed bounds a list for a search attribute: each value once, in order of appearance.
func listed(values []string) []string {
	var out []string
	room := maxEncoded
	for _, v := range values {
		v = cut(v, maxKeyword)
		if v == "" || slices.Contains(out, v) {
			continue
		}
		if room -= encoded(v); room < 0 || len(out) == maxListed {
			break
		}
		out = append(out, v)
	}
	return out
}

// encoded is how many bytes a value takes in JSON at most, with its quotes and comma.
func encoded(s string) int {
	n := 3
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&':
			n += 6
		case c >= 0x80: // a character of three bytes may take six
			n += 2
		default:
			n++
		}
	}
	return n
}

// cut shortens a text to so many bytes, between two characters.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}
