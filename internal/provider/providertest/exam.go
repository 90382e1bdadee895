// Package providertest examines providers: one exam that every provider passes, and stories that show what each makes of
// its webhooks.
package providertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/provider"
	"holdfast/internal/webhook"
)

// received is when the webhooks of exams and stories arrive.
var received = time.Date(2026, 9, 21, 17, 0, 0, 0, time.UTC)

// A Subject is a provider to be examined.
type Subject struct {
	Samples fs.FS // samples/*.json
	// New makes a provider that knows these secrets and signs with the first of them.
	New func(t *testing.T, secrets ...string) provider.Provider
	// CredentialOnly says that the evidence proves who sends, and nothing of the body: it is headers with fixed values.
	CredentialOnly bool
	// Malformed are headers, by name, whose values are not of the form that the dialect prescribes. A signature has some.
	Malformed map[string][]string
	// Unknown is a body with a field that nobody knows.
	Unknown string
	// Batch puts several bodies into one, in their order. Nil if the dialect has no batches.
	Batch func(t *testing.T, bodies [][]byte) []byte
	// Together is a body with the items of the bodies in Alone, in their order. Empty if the dialect has no items.
	Together string
	Alone    []string
}

// Exam asks what every provider must answer alike.
func Exam(t *testing.T, s Subject) {
	samples := samplesOf(t, s.Samples)
	t.Run("authenticity", func(t *testing.T) { s.authenticity(t, samples) })
	t.Run("form", func(t *testing.T) { s.form(t, samples) })
	t.Run("wire", func(t *testing.T) { s.wire(t, samples) })
	t.Run("credentials", func(t *testing.T) { s.credentials(t, samples) })
	t.Run("secrets", s.secrets)
	t.Run("rotation", func(t *testing.T) { s.rotation(t, samples) })
	t.Run("meaning", func(t *testing.T) { s.meaning(t, samples) })
	t.Run("batches", func(t *testing.T) { s.batches(t, samples) })
	t.Run("items", s.items)
	t.Run("additions", func(t *testing.T) { s.additions(t, samples) })
	t.Run("nonsense", func(t *testing.T) { s.nonsense(t, samples) })
}

func (s Subject) authenticity(t *testing.T, samples map[string][]byte) {
	p := s.New(t, "secret-a")
	for name, body := range samples {
		good := sign(t, p, body)
		if err := accept(t, p, good, body); err != nil {
			t.Errorf("%s: its own signature is refused: %v", name, err)
		}
		forged := sign(t, s.New(t, "secret-of-somebody-else"), body)
		if err := accept(t, p, forged, body); err == nil {
			t.Errorf("%s: a forged webhook is accepted", name)
		}
		if s.CredentialOnly {
			continue
		}
		for _, tampered := range []string{string(body) + " ", "", strings.ToUpper(string(body)), strings.ReplaceAll(string(body), " ", ""), string(body[:len(body)/2])} {
			if tampered == string(body) {
				continue
			}
			if err := accept(t, p, good, []byte(tampered)); !errors.Is(err, webhook.SignatureMismatch) {
				t.Errorf("%s: a tampered body gives %v, want %v", name, err, webhook.SignatureMismatch)
			}
		}
	}
}

func (s Subject) form(t *testing.T, samples map[string][]byte) {
	p := s.New(t, "secret-a")
	body := anyOf(samples)
	good := sign(t, p, body)
	if err := accept(t, p, http.Header{}, body); !errors.Is(err, webhook.MissingEvidence) {
		t.Errorf("no headers at all give %v, want %v", err, webhook.MissingEvidence)
	}
	if err := p.Verify(webhook.Evidence{}, body, received); !errors.Is(err, webhook.MissingEvidence) {
		t.Errorf("no evidence at all gives %v, want %v", err, webhook.MissingEvidence)
	}
	for name, values := range good {
		without := good.Clone()
		without.Del(name)
		if err := accept(t, p, without, body); !errors.Is(err, webhook.MissingEvidence) {
			t.Errorf("without %s: %v, want %v", name, err, webhook.MissingEvidence)
		}
		empty := good.Clone()
		empty.Set(name, "")
		if err := accept(t, p, empty, body); !errors.Is(err, webhook.MissingEvidence) {
			t.Errorf("with an empty %s: %v, want %v", name, err, webhook.MissingEvidence)
		}
		twice := good.Clone()
		twice[name] = append(twice[name], values...)
		if err := accept(t, p, twice, body); err == nil {
			t.Errorf("with %s twice: accepted", name)
		}
	}
	if len(s.Malformed) == 0 && !s.CredentialOnly {
		t.Error("Malformed is empty: which headers have not the form that the dialect prescribes?")
	}
	for name, values := range s.Malformed {
		for _, value := range values {
			bad := good.Clone()
			bad.Set(name, value)
			if err := accept(t, p, bad, body); !errors.Is(err, webhook.MalformedEvidence) {
				t.Errorf("with %s %q: %v, want %v", name, value, err, webhook.MalformedEvidence)
			}
			kept := map[string]string{}
			for name := range bad {
				kept[strings.ToLower(name)] = bad.Get(name)
			}
			if err := p.Verify(webhook.Evidence{Headers: kept}, body, received); err == nil {
				t.Errorf("evidence with %s %q is verified", name, value)
			}
		}
	}
}

// wire sends headers as HTTP does: in any order, with names in any case.
func (s Subject) wire(t *testing.T, samples map[string][]byte) {
	p := s.New(t, "secret-a")
	body := anyOf(samples)
	good := sign(t, p, body)
	names := slices.Sorted(maps.Keys(good))
	for range 2 {
		slices.Reverse(names)
		for _, spell := range []func(string) string{strings.ToLower, strings.ToUpper} {
			var request bytes.Buffer
			request.WriteString("POST / HTTP/1.1\r\nHost: example.com\r\n")
			for _, name := range names {
				fmt.Fprintf(&request, "%s: %s\r\n", spell(name), good.Get(name))
			}
			request.WriteString("\r\n")
			sent := request.String()
			r, err := http.ReadRequest(bufio.NewReader(&request))
			if err != nil {
				t.Fatal(err)
			}
			if err := accept(t, p, r.Header, body); err != nil {
				t.Errorf("%s%v", sent, err)
			}
		}
	}
}

// credentials never leave the ingress: what is kept of a request says which was shown, not what it is. Where they are all
// that is shown, every letter of them counts.
func (s Subject) credentials(t *testing.T, samples map[string][]byte) {
	p := s.New(t, "secret-a")
	body := anyOf(samples)
	good := sign(t, p, body)
	ev, err := p.Evidence(good)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	for name := range good {
		value := good.Get(name)
		if !s.CredentialOnly {
			if strings.Contains(value, "secret-a") {
				t.Errorf("%s shows the secret: %s", name, value)
			}
			continue
		}
		if len(value) >= 8 && strings.Contains(string(kept), value) { // what is shorter may be there by chance
			t.Errorf("%s is kept: %s", name, kept)
		}
		for _, other := range []string{strings.ToUpper(value), strings.ToUpper(value[:1]) + value[1:], value[:len(value)-1], value + "x", value + " "} {
			bad := good.Clone()
			bad.Set(name, other)
			if err := accept(t, p, bad, body); other != value && other != "" && !errors.Is(err, webhook.UnknownCredential) {
				t.Errorf("%s %q instead of %q: %v, want %v", name, other, value, err, webhook.UnknownCredential)
			}
		}
	}
}

// secrets asks that whoever prints a provider prints none.
func (s Subject) secrets(t *testing.T) {
	p := s.New(t, "secret-a")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, p); strings.Contains(text, "secret-a") {
			t.Errorf("printed with %s, it tells its secret: give it String and GoString", verb)
		}
	}
}

func (s Subject) rotation(t *testing.T, samples map[string][]byte) {
	body := anyOf(samples)
	before, during, after := s.New(t, "secret-a"), s.New(t, "secret-b", "secret-a"), s.New(t, "secret-b")
	old, renewed := sign(t, before, body), sign(t, after, body)
	tests := []struct {
		name    string
		p       provider.Provider
		headers http.Header
		good    bool
	}{
		{"old secret before", before, old, true},
		{"new secret before", before, renewed, false},
		{"old secret during", during, old, true},
		{"new secret during", during, renewed, true},
		{"first secret during", during, sign(t, during, body), true},
		{"old secret after", after, old, false},
		{"new secret after", after, renewed, true},
	}
	for _, test := range tests {
		if err := accept(t, test.p, test.headers, body); (err == nil) != test.good {
			t.Errorf("%s: %v, want accepted: %t", test.name, err, test.good)
		}
	}
	// What was kept is asked again in the workflow, where a secret may be gone.
	ev, err := during.Evidence(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := during.Verify(ev, body, received); err != nil {
		t.Errorf("kept evidence is refused while its secret is configured: %v", err)
	}
	if err := after.Verify(ev, body, received); err == nil {
		t.Error("kept evidence outlives its secret")
	}
}

func (s Subject) meaning(t *testing.T, samples map[string][]byte) {
	p := s.New(t, "secret-a")
	for name, body := range samples {
		events := p.Normalize(body, received)
		Check(t, body, events)
		if again := s.New(t, "secret-b").Normalize(body, received); !cmp.Equal(events, again) {
			t.Errorf("%s: not the same the second time:\n%s", name, cmp.Diff(events, again))
		}
		peek := p.Peek(body)
		for _, e := range events {
			if e.Key == "" && e.Type != webhook.MessageProblem { // which recurs, and says neither of what nor when
				t.Errorf("%s: %s has no natural key", name, e.Type)
			}
			if family := e.Type.Family(); (family == "account" || family == "phone") && !peek.Urgent {
				t.Errorf("%s: not urgent, but %s is in it", name, e.Type)
			}
		}
		if len(peek.Fields) == 0 {
			t.Errorf("%s: Peek sees no field", name)
		}
	}
	unknown := p.Normalize([]byte(s.Unknown), received)
	Check(t, []byte(s.Unknown), unknown)
	if len(unknown) != 1 || unknown[0].Type != webhook.Unrecognized {
		t.Errorf("an unknown field gives %v, want one unrecognized event", unknown)
	}
}

func (s Subject) batches(t *testing.T, samples map[string][]byte) {
	if s.Batch == nil {
		t.Skip("this dialect has no batches")
	}
	p := s.New(t, "secret-a")
	var bodies [][]byte
	var want []webhook.Event
	for _, body := range samples {
		bodies = append(bodies, body, []byte(s.Unknown))
		want = append(want, p.Normalize(body, received)...)
		want = append(want, p.Normalize([]byte(s.Unknown), received)...)
	}
	alike(t, p, s.Batch(t, bodies), want)
}

// items are known by themselves, whatever company they come in.
func (s Subject) items(t *testing.T) {
	if s.Together == "" {
		t.Skip("this dialect has no items")
	}
	p := s.New(t, "secret-a")
	var want []webhook.Event
	for _, body := range s.Alone {
		events := p.Normalize([]byte(body), received)
		Check(t, []byte(body), events)
		want = append(want, events...)
	}
	alike(t, p, []byte(s.Together), want)
}

// additions are members that a provider has not had so far: what is understood says the same with them.
func (s Subject) additions(t *testing.T, samples map[string][]byte) {
	p := s.New(t, "secret-a")
	for name, body := range samples {
		more := withMore(t, body)
		want, got := p.Normalize(body, received), p.Normalize(more, received)
		Check(t, more, got)
		if len(got) != len(want) {
			t.Errorf("%s: %d events, %d with new members", name, len(want), len(got))
			continue
		}
		for i, e := range got {
			if e.Type != want[i].Type || e.Account != want[i].Account || e.Phone != want[i].Phone || !e.Time.Equal(want[i].Time) {
				t.Errorf("%s: %s of %s %v at %s; with new members %s of %s %v at %s", name, want[i].Type, want[i].Account, want[i].Phone, want[i].Time, e.Type, e.Account, e.Phone, e.Time)
			}
			if diff := cmp.Diff(want[i].Data, e.Data, passedOn); diff != "" && e.Type != webhook.Unrecognized {
				t.Errorf("%s: %s says something else with new members:\n%s", name, e.Type, diff)
			}
		}
	}
}

// withMore adds a member to each object of a body.
func withMore(t *testing.T, body []byte) []byte {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var decoded any
	if err := d.Decode(&decoded); err != nil {
		t.Fatal(err)
	}
	var add func(v any)
	add = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, member := range v {
				add(member)
			}
			v["member_of_next_year"] = map[string]any{"a": []any{1, nil}}
		case []any:
			for _, element := range v {
				add(element)
			}
		}
	}
	add(decoded)
	more, err := json.Marshal(decoded)
	if err != nil {
		t.Fatal(err)
	}
	return more
}

// passedOn leaves out what is passed on as it came.
var passedOn = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Raw" }, cmp.Ignore())

// alike wants the events of a batch to be those of its parts.
func alike(t *testing.T, p provider.Provider, batch []byte, want []webhook.Event) {
	t.Helper()
	got := p.Normalize(batch, received)
	Check(t, batch, got)
	if len(got) != len(want) {
		t.Fatalf("%d events in the batch, %d of its elements alone", len(got), len(want))
	}
	for i := range got {
		if got[i].Key != want[i].Key || got[i].Type != want[i].Type || !got[i].Time.Equal(want[i].Time) || got[i].Phone != want[i].Phone {
			t.Errorf("in a batch %s %s %s %v, alone %s %s %s %v", got[i].Type, got[i].Key, got[i].Time, got[i].Phone, want[i].Type, want[i].Key, want[i].Time, want[i].Phone)
		}
		if diff := cmp.Diff(want[i].Data, got[i].Data, meaning); diff != "" && got[i].Type != webhook.Unrecognized { // with that comes what is around it
			t.Errorf("%s says something else in a batch:\n%s", got[i].Type, diff)
		}
	}
}

// meaning compares what is passed on as it came by what it means: a batch may be spaced otherwise.
var meaning = cmp.Transformer("meaning", func(raw webhook.Body) (meaning any) {
	if err := json.Unmarshal(raw, &meaning); err != nil {
		return string(raw)
	}
	return meaning
})

// times are the members that can be one.
var times = regexp.MustCompile(`"?\b1[0-9]{9,12}\b"?`)

// nonsense is what must neither crash nor disappear.
func (s Subject) nonsense(t *testing.T, samples map[string][]byte) {
	p := s.New(t, "secret-a")
	bodies := []string{
		"", " ", "null", "true", "0", `""`, "[]", "{}", "[{}]", "{", `{"`, `{"field"`, "\xff", "\x00", "\ufeff{}",
		`{"field":null,"value":null}`, `{"object":null,"entry":null}`, `{"field":[],"value":[]}`, `{"object":[],"entry":{}}`,
		strings.Repeat("[", 100_000), strings.Repeat(`{"value":`, 5_000) + "0" + strings.Repeat("}", 5_000),
		`{"entry":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + "}",
	}
	for _, body := range samples {
		for n := 0; n < len(body); n += 1 + len(body)/10 {
			bodies = append(bodies, string(body[:n]))
		}
		for _, r := range [][2]string{
			{`"`, `'`},
			{":", ":null,\"x\":"},
			{":", ":["},
			{`"value"`, `"value":null,"value"`},
			{`"event"`, `"event":[],"event"`},
			{"1", "99999999999999999999999999999999999999999"},
			{"1", "1e999"},
			{"1", "\xff"},
			{"a", `\ud800`},
			{"}", "}}"},
		} {
			bodies = append(bodies, strings.ReplaceAll(string(body), r[0], r[1]), strings.Replace(string(body), r[0], r[1], 1))
		}
		for _, at := range []string{`"9999-12-31T23:59:59-08:00"`, `"0000-01-01T00:00:00Z"`, "99999999999999", "9223372036854775807", "253402300800000"} {
			bodies = append(bodies, times.ReplaceAllString(string(body), at))
		}
	}
	for _, body := range bodies {
		p.Peek([]byte(body))
		events := p.Normalize([]byte(body), received)
		Check(t, []byte(body), events)
		if !json.Valid([]byte(body)) {
			if raw, ok := events[0].Data.(*webhook.Raw); len(events) != 1 || !ok || string(raw.Value) != body {
				t.Errorf("%.80q is not JSON and gives %d events, want one unrecognized event with all of it", body, len(events))
			}
		}
	}
}

// refusals is the closed set.
var refusals = []webhook.Refusal{
	webhook.MissingEvidence, webhook.MalformedEvidence, webhook.UnknownCredential, webhook.AlgorithmRefused, webhook.SignatureMismatch,
	webhook.TimestampOutOfSkew,
}

// accept does what the ingress does, and what the workflow does later with what was kept.
func accept(t *testing.T, p provider.Provider, h http.Header, body []byte) error {
	t.Helper()
	ev, err := p.Evidence(h)
	if err != nil {
		checkRefusal(t, err)
		return err
	}
	kept, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	var again webhook.Evidence
	if err := json.Unmarshal(kept, &again); err != nil {
		t.Fatal(err)
	}
	if err = p.Verify(again, body, received); err != nil {
		checkRefusal(t, err)
	}
	return err
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if refusal, ok := errors.AsType[webhook.Refusal](err); !ok || !slices.Contains(refusals, refusal) {
		t.Errorf("%T %v is none of the refusals", err, err)
	}
}

func sign(t testing.TB, p provider.Provider, body []byte) http.Header {
	t.Helper()
	signer, ok := p.(provider.Signer)
	if !ok {
		t.Fatalf("%T cannot sign: an exam needs a provider.Signer", p)
	}
	return signer.Sign(body, received)
}
