// Package diagnosis says why a request does or does not verify. It asks the providers themselves, so it cannot disagree
// with the ingress: each explanation is a change of the request, of its body or of a secret, with which the provider's own
// Verify accepts what it refused. It needs nothing of a provider but its contract, and shows neither secrets nor bodies.
package diagnosis

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/internal/provider"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

// A Question is a request that somebody wonders about, and the source that it was meant for.
type Question struct {
	Source   string           // its name
	Dialect  provider.Dialect // its provider
	Options  any              // what Dialect.Options returned, filled
	Insecure bool             // as configured

	Others    map[string]provider.Provider // the other sources, by name: the request may be meant for one of them
	Candidate signature.Secret             // a secret to try beside those that are configured; "" is none

	Header   http.Header
	Body     []byte
	Other    []Reading // in which other ways the body could have been read
	Received time.Time
}

// A Reading is a body, and the reason why it may be the right one.
type Reading struct {
	How  string
	Body []byte
}

// An examination is the work on one question.
type examination struct {
	Question
	provider provider.Provider
	signer   provider.Signer // the same, or with another of its secrets in front; nil if it cannot sign
	slots    []slot
	wanted   []wanted
	evidence webhook.Evidence
	refusal  error
	effort   int // bytes that may still be verified
	report   Report
}

// most bounds how many bytes are verified for one question: seconds of work.
const most = 1 << 30

// Explain answers a question. The error is about the settings of the source, which it cannot use.
func Explain(q Question) (Report, error) {
	p, err := q.Dialect.New(q.Options, q.Insecure)
	if err != nil {
		return Report{}, fmt.Errorf("source %s: %w", q.Source, err)
	}
	if q.Header == nil {
		q.Header = http.Header{}
	}
	e := &examination{Question: q, provider: p, slots: slotsOf(q.Options), effort: most}
	e.choose()
	e.describeSource()
	if isOpen(p) {
		e.report.Verifies = true
		e.report.Verdict = "verifies, and proves nothing: the source is insecure and has no secret, so whoever knows its URL can send"
		return e.report, nil
	}
	e.evidence, e.refusal = p.Evidence(q.Header)
	e.describeHeaders()
	if e.refusal != nil {
		e.recognize()
	}
	e.describeBody()
	if e.refusal == nil {
		e.refusal = p.Verify(e.evidence, q.Body, q.Received)
	}
	e.describeSecrets()
	e.conclude()
	e.report.redact(append(secretsOf(e.slots), string(q.Candidate)))
	return e.report, nil
}

// holds reports whether a provider accepts a request.
func (e *examination) holds(p provider.Provider, h http.Header, body []byte, at time.Time) bool {
	ev, err := p.Evidence(h)
	if err != nil {
		return false
	}
	e.effort -= len(body) + 256
	return p.Verify(ev, body, at) == nil
}

// signs reports whether what proves a request authentic depends on its body.
func (e *examination) signs() bool {
	return slices.ContainsFunc(e.wanted, func(w wanted) bool { return w.role == bySignature })
}

func (e *examination) describeSource() {
	e.report.add(Note, "source", "%s, provider %s", e.Source, e.Dialect.Name)
	var fixed, signing []string
	for _, w := range e.wanted {
		if w.role == bySecret {
			fixed = append(fixed, w.name)
		} else {
			signing = append(signing, w.name)
		}
	}
	if len(fixed) > 0 {
		e.report.add(Note, "source", "proved by fixed headers, which say who sends and nothing of the body: %s", strings.Join(fixed, ", "))
	}
	if len(signing) > 0 {
		e.report.add(Note, "source", "proved by a signature over the very bytes of the body: %s", strings.Join(signing, ", "))
	}
}

func (e *examination) describeBody() {
	sum := sha256.Sum256(e.Body)
	what := "not JSON"
	switch {
	case len(e.Body) == 0:
		what = "empty: was it read before by something else?"
	case json.Valid(e.Body):
		what = "JSON"
	case !utf8.Valid(e.Body):
		what = "neither JSON nor UTF-8"
	}
	mark := Note
	if what != "JSON" {
		mark = Bad
	}
	e.report.add(mark, "body", "%d bytes, %s; their SHA-256 is %s", len(e.Body), what, hex.EncodeToString(sum[:]))
	if strings.Contains(string(e.Body), "\uFFFD") {
		e.report.add(Bad, "body", "has U+FFFD: something replaced bytes that it could not read, which cannot be undone")
	}
}

// describeSecrets asks with each secret alone. Where there is no signature, it is the headers that match or not.
func (e *examination) describeSecrets() {
	if !e.signs() {
		return
	}
	there := func(w wanted) bool { return w.role == bySignature && e.Header.Get(w.name) != "" }
	switch {
	case e.evidence.Headers == nil && e.evidence.Credential == "":
		e.report.add(Note, "secret", "none was tried: the headers were refused before")
		return
	case !slices.ContainsFunc(e.wanted, there):
		e.report.add(Note, "secret", "none was tried: there is no signature")
		return
	}
	for _, s := range e.slots {
		switch p, err := e.with(only(s)); {
		case err != nil, !e.effective(s):
		case e.signed(p):
			e.report.add(Good, "secret", "%s made the signature", s.name)
		case e.named(s):
			e.report.add(Bad, "secret", "%s did not make the signature over these bytes", s.name)
		default:
			e.report.add(Note, "secret", "%s was not tried: the headers name another", s.name)
		}
	}
}

// signed reports whether a provider's secrets made the signature, whenever that was.
func (e *examination) signed(p provider.Provider) bool {
	return slices.ContainsFunc(e.times(), func(at variant[time.Time]) bool { return e.holds(p, e.Header, e.Body, at.value) })
}

// with makes the provider with other secrets.
func (e *examination) with(change func(s slot) signature.Secret) (provider.Provider, error) {
	return e.Dialect.New(replaceSecrets(e.Options, change), e.Insecure)
}

// effective reports whether a secret, or one of its list, makes signatures at all: a verify token does not.
func (e *examination) effective(s slot) bool {
	without, err := e.with(func(o slot) signature.Secret {
		if o.group == s.group {
			return junk
		}
		return o.secret
	})
	if err != nil {
		return true
	}
	return slices.ContainsFunc(e.wanted, func(w wanted) bool {
		return w.role == bySignature && e.sample(e.provider).Get(w.name) != e.sample(without).Get(w.name)
	})
}

// sample is what a provider would send.
func (e *examination) sample(p provider.Provider) http.Header {
	if signer, ok := p.(provider.Signer); ok {
		return signer.Sign([]byte("{}"), e.Received)
	}
	return nil
}

// named reports whether a request can mean this secret: one that has a key is meant by its key, if one of its
// neighbours is.
func (e *examination) named(s slot) bool {
	means := func(key string) bool {
		return slices.ContainsFunc(e.wanted, func(w wanted) bool { return key != "" && e.Header.Get(w.name) == key })
	}
	return means(s.key) || !slices.ContainsFunc(e.slots, func(o slot) bool { return o.group == s.group && means(o.key) })
}

// conclude says whether it verifies, and if not, with what change it would.
func (e *examination) conclude() {
	if e.refusal == nil {
		e.report.Verifies = true
		e.report.Verdict = "verifies: source " + e.Source + " accepts it"
		if c := e.evidence.Credential; c != "" {
			e.report.Verdict += " for the credential " + c
		}
		return
	}
	e.report.Verdict = fmt.Sprintf("does not verify: %s: %s", e.refusal, meaning(e.refusal))
	for _, name := range slices.Sorted(maps.Keys(e.Others)) {
		if e.holds(e.Others[name], e.Header, e.Body, e.Received) && !isOpen(e.Others[name]) {
			e.report.Finding = "as source " + name
			e.report.advise("It was sent to the wrong URL, or its secret is configured for the wrong source: compare the URLs that were entered at the providers.")
			return
		}
	}
	if found, ok := e.search(); ok {
		e.report.Finding = found.how()
		e.report.Advice = append(e.report.Advice, found.advice()...)
		return
	}
	e.otherAlgorithms()
	if errors.Is(e.refusal, webhook.SignatureMismatch) && !json.Valid(e.Body) {
		e.report.advise("The body is not JSON, so it is hardly what was sent: look whether it was cut short, or read by something else before, and ask again with all of it.")
	}
	e.report.advise("%s", remedy(e.refusal, e.signs()))
	adviser, is := e.provider.(provider.Adviser)
	if refusal, known := errors.AsType[webhook.Refusal](e.refusal); is && known {
		if advice := adviser.Advise(refusal); advice != "" {
			e.report.advise("%s", advice)
		}
	}
}

// isOpen reports whether a provider accepts what proves nothing.
func isOpen(p provider.Provider) bool {
	ev, err := p.Evidence(http.Header{})
	return err == nil && p.Verify(ev, nil, time.Time{}) == nil
}

// meaning says a refusal in words.
func meaning(err error) string {
	refusal, _ := errors.AsType[webhook.Refusal](err)
	switch refusal {
	case webhook.MissingEvidence:
		return "a header that should prove it is not there, or empty"
	case webhook.MalformedEvidence:
		return "a header that should prove it has not the form that it must have"
	case webhook.UnknownCredential:
		return "it names or shows a credential that is not configured"
	case webhook.AlgorithmRefused:
		return "it asks for an algorithm that this source does not allow"
	case webhook.SignatureMismatch:
		return "no configured secret made this signature over these bytes"
	case webhook.TimestampOutOfSkew:
		return "the signature holds, but its time is too far from the arrival"
	}
	return "the provider refuses it"
}

// remedy says what to do where no change was found that would make it verify.
func remedy(err error, signs bool) string {
	refusal, _ := errors.AsType[webhook.Refusal](err)
	switch refusal {
	case webhook.MissingEvidence:
		return "Look whether the sender proves its webhooks at all, and whether a proxy or gateway takes the header away."
	case webhook.MalformedEvidence:
		return "Look for a proxy or gateway that changes headers, or whether this was sent by somebody else."
	case webhook.UnknownCredential:
		return "Compare what the provider sends with what the source has; while both change, configure the old and the new."
	case webhook.AlgorithmRefused:
		return "Have the provider use an algorithm that is allowed, or allow this one in the settings of the source."
	case webhook.SignatureMismatch:
		if signs {
			return "Most likely the secret is another one: ask again with the one that you think is right (--secret-env, --secret-file). " +
				"Otherwise the body was changed in a way that is not known here: ask again with the bytes as they were received, before anything has parsed them."
		}
		return "Compare what the provider sends with what the source has."
	case webhook.TimestampOutOfSkew:
		return "Compare the clocks, or allow more in the settings of the source; say when it arrived (--at) if that was earlier."
	}
	return "Compare what the provider sends with what the source has."
}
