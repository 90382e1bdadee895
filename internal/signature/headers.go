package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"holdfast/internal/webhook"
)

// A HeaderSet is a credential made of headers with fixed values. They prove who sends, and nothing of the body.
type HeaderSet struct {
	// Name is what a history calls the set instead of its values: letters, digits and . _ -, at most 32, different for
	// each set of a source.
	//
	// To rotate, add a set with another name, and take the old one away when nobody sends it any more. What was accepted
	// with a set that is gone is not processed any more without a person's word, nor what was accepted with a set whose
	// values were changed under its name.
	Name string `yaml:"name"`
	// Headers are the values by name of header. A request must show all of them, each once and exactly so. Long random
	// texts are best: whoever sees one request can send others.
	Headers map[string]Secret `yaml:"headers"`
}

// FixedHeaders are the sets that a source accepts. It is made by [NewFixedHeaders] and prints as "[secret]"; the zero
// value accepts nothing.
type FixedHeaders struct {
	sets  []fixedSet
	names map[string]bool // of all headers of all sets, in lower case
}

type fixedSet struct {
	credential string
	headers    map[string]Secret            // as configured
	digests    map[string][sha256.Size]byte // of the values, by lower-case name
}

func (f FixedHeaders) String() string               { return redacted }
func (f FixedHeaders) GoString() string             { return redacted }
func (f FixedHeaders) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (f FixedHeaders) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// NewFixedHeaders makes it from at least one set. The error says which, and nothing of a value.
func NewFixedHeaders(sets []HeaderSet) (FixedHeaders, error) {
	f := FixedHeaders{names: map[string]bool{}}
	if len(sets) == 0 {
		return f, errors.New("is empty")
	}
	for i, set := range sets {
		if !isToken(set.Name, 32) {
			return f, fmt.Errorf("[%d].name: want 1 to 32 letters, digits and . _ -", i)
		}
		if slices.ContainsFunc(sets[:i], func(earlier HeaderSet) bool { return earlier.Name == set.Name }) {
			return f, fmt.Errorf("[%d].name is that of another set", i)
		}
		made, err := newFixedSet(set)
		if err != nil {
			return f, fmt.Errorf("[%d].headers%w", i, err)
		}
		f.sets = append(f.sets, made)
		for name := range made.digests {
			f.names[name] = true
		}
	}
	return f, nil
}

func newFixedSet(set HeaderSet) (fixedSet, error) {
	s := fixedSet{headers: maps.Clone(set.Headers), digests: map[string][sha256.Size]byte{}}
	if len(set.Headers) == 0 {
		return s, errors.New(" is empty")
	}
	for _, name := range slices.Sorted(maps.Keys(set.Headers)) {
		value := string(set.Headers[name])
		lower := strings.ToLower(name)
		switch _, twice := s.digests[lower]; {
		case !isToken(name, 128) || slices.Contains(transport, lower):
			return s, errors.New(" has a name that is not one of a header, or of one that every request has")
		case twice:
			return s, fmt.Errorf(".%s is there twice, in other letters", name)
		case value == "":
			return s, fmt.Errorf(".%s is empty", name)
		case strings.Trim(value, " \t") != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return s, fmt.Errorf(".%s cannot be the value of a header: it has spaces around it, or control characters", name)
		}
		s.digests[lower] = sha256.Sum256([]byte(value))
	}
	s.credential = set.Name + "/" + s.check()
	return s, nil
}

// transport are headers that belong to the request, not to who sends it.
var transport = []string{"connection", "content-encoding", "content-length", "content-type", "host", "te", "trailer", "transfer-encoding", "upgrade"}

// check is two hex digits that most likely change with the values. It is in every history, so it is as short as can be:
// eight bits tell nobody a secret, not even a weak one that a longer digest would give away to whoever tries all words.
func (s fixedSet) check() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.digests)) {
		digest := s.digests[name]
		h.Write([]byte(name + "\x00"))
		h.Write(digest[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:1])
}

// Evidence says which set a request shows, the first that is configured if it shows several. It takes the same time
// whatever is wrong with the values. The error is a [webhook.Refusal]: MalformedEvidence if a header that counts is there
// twice, MissingEvidence if no set is there with all of its headers, UnknownCredential if none has these values.
func (f FixedHeaders) Evidence(headers map[string][]string) (webhook.Evidence, error) {
	shown := make(map[string][sha256.Size]byte, len(f.names))
	for name, values := range headers {
		lower := strings.ToLower(name)
		if !f.names[lower] || len(values) == 0 {
			continue
		}
		if _, twice := shown[lower]; twice || len(values) > 1 {
			return webhook.Evidence{}, webhook.MalformedEvidence
		}
		if values[0] != "" {
			shown[lower] = sha256.Sum256([]byte(values[0]))
		}
	}
	complete, found := false, ""
	for _, set := range slices.Backward(f.sets) {
		there, same := true, 1
		for name, want := range set.digests {
			got, ok := shown[name]
			there = there && ok
			same &= subtle.ConstantTimeCompare(got[:], want[:]) // digests are of one length, so not even that is told
		}
		complete = complete || there
		if same == 1 {
			found = set.credential
		}
	}
	switch {
	case found != "":
		return webhook.Evidence{Credential: found}, nil
	case !complete:
		return webhook.Evidence{}, webhook.MissingEvidence
	}
	return webhook.Evidence{}, webhook.UnknownCredential
}

// Verify asks whether the set that a request showed is still accepted, with the same values. The error is a
// [webhook.Refusal].
func (f FixedHeaders) Verify(ev webhook.Evidence) error {
	if ev.Credential == "" {
		return webhook.MissingEvidence
	}
	if !slices.ContainsFunc(f.sets, func(s fixedSet) bool { return s.credential == ev.Credential }) {
		return webhook.UnknownCredential
	}
	return nil
}

// Any reports whether there is a set at all.
func (f FixedHeaders) Any() bool { return len(f.sets) > 0 }

// First returns the headers of the first set, by name as configured; none if there is no set.
func (f FixedHeaders) First() map[string]Secret {
	if len(f.sets) == 0 {
		return nil
	}
	return maps.Clone(f.sets[0].headers)
}

// isToken reports whether a text has 1 to most letters, digits and . _ -
func isToken(text string, most int) bool {
	for i := range len(text) {
		c := text[i]
		if c != '.' && c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(text) > 0 && len(text) <= most
}
