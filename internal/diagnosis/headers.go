package diagnosis

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/provider"
	"holdfast/internal/signature"
)

// A role says what a header depends on when a provider signs.
type role int

const (
	byNothing   role = iota // a constant, such as the name of an algorithm
	bySecret                // a credential: never shown
	byTime                  // the time
	bySignature             // the body
)

// A wanted header is one by which a source's webhooks prove that they are authentic.
type wanted struct {
	name   string
	role   role
	sample string // as the provider would send it
}

// wantedBy finds out what a provider wants by having it sign: once as it is, and once each with another body, time and
// secret. Nothing for a provider that cannot sign.
func wantedBy(dialect provider.Dialect, options any, at time.Time) []wanted {
	sign := func(options any, body string, at time.Time) http.Header {
		p, err := dialect.New(options, true)
		if err != nil {
			return nil
		}
		signer, ok := any(p).(provider.Signer)
		if !ok {
			return nil
		}
		return signer.Sign([]byte(body), at)
	}
	sample := sign(options, "{}", at)
	otherBody := sign(options, "[]", at)
	otherTime := sign(options, "{}", at.Add(time.Hour))
	otherSecret := sign(replaceSecrets(options, func(slot) signature.Secret { return junk }), "{}", at)
	var list []wanted
	for _, name := range slices.Sorted(maps.Keys(sample)) {
		w := wanted{name: name, sample: sample.Get(name)}
		switch {
		case otherBody.Get(name) != w.sample:
			w.role = bySignature
		case otherSecret.Get(name) != w.sample:
			w.role = bySecret
		case otherTime.Get(name) != w.sample:
			w.role = byTime
		}
		list = append(list, w)
	}
	return list
}

// choose finds out which headers are wanted. A provider signs with the first of its secrets; where several sets of headers
// would do, it is the set that the request comes nearest to.
func (e *examination) choose() {
	best := -1
	for i := range 16 {
		options, more := rotated(e.Options, i)
		if i > 0 && !more {
			return
		}
		p, err := e.Dialect.New(options, e.Insecure)
		signer, ok := p.(provider.Signer)
		if err != nil || !ok {
			continue
		}
		list := wantedBy(e.Dialect, options, e.Received)
		near := 0
		for _, w := range list {
			switch value := e.Header.Get(w.name); {
			case value == "":
			case w.role == bySecret && value == w.sample:
				near += 100
			default:
				near++
			}
		}
		if near > best {
			best, e.wanted, e.signer = near, list, signer
		}
	}
}

// describeHeaders tells of each header that is wanted whether it is there, and of what form.
func (e *examination) describeHeaders() {
	faults := e.faults()
	for _, w := range e.wanted {
		values := e.Header.Values(w.name)
		switch {
		case len(values) == 0:
			e.report.add(e.markOf(w, faults), "header", "%s is missing", w.name)
		case len(values) > 1 && slices.Equal(slices.Compact(slices.Clone(values)), values[:1]):
			e.report.add(e.markOf(w, faults), "header", "%s is there %d times, each time the same", w.name, len(values))
		case len(values) > 1:
			e.report.add(e.markOf(w, faults), "header", "%s is there %d times, with different values", w.name, len(values))
		case values[0] == "":
			e.report.add(Bad, "header", "%s is empty", w.name)
		case slices.Contains(faults, w.name):
			e.report.add(Bad, "header", "%s", e.faulty(w, values[0]))
		default:
			e.report.add(Good, "header", "%s", e.shown(w, values[0]))
		}
	}
	if len(e.wanted) == 0 && e.refusal != nil {
		e.report.add(Bad, "header", "%s", meaning(e.refusal))
	}
}

// markOf is that of a repeated or missing header: some providers do not mind.
func (e *examination) markOf(w wanted, faults []string) Mark {
	if e.refusal == nil || faults != nil && !slices.Contains(faults, w.name) {
		return Note
	}
	return Bad
}

// faults are the headers for which a request is refused: those that have to be replaced by what the provider itself would
// send before it takes the others, and none of which could be left out. None if it takes all.
func (e *examination) faults() []string {
	if e.signer == nil || e.refusal == nil || len(e.wanted) > 10 {
		return nil
	}
	good := e.signer.Sign(e.Body, e.Received)
	for subset := range 1 << len(e.wanted) {
		h := e.Header.Clone()
		var names []string
		for i, w := range e.wanted {
			if subset&(1<<i) != 0 {
				h[w.name] = good[w.name]
				names = append(names, w.name)
			}
		}
		if _, err := e.provider.Evidence(h); err == nil { // what is part of this one came before it
			return names
		}
	}
	return nil
}

// shown is a header as it may be shown: signatures shortened, credentials not at all.
func (e *examination) shown(w wanted, value string) string {
	switch w.role {
	case bySecret:
		return w.name + " is there (a credential, not shown)"
	case bySignature:
		if !strings.Contains(w.sample, ",") {
			return w.name + ": " + shortened(value)
		}
		parts := strings.Split(value, ",") // as the provider writes it, such as t=…,s=…
		for i, part := range parts {
			parts[i] = shortened(part)
			_, text, _ := strings.Cut(part, "=")
			if _, ok := timeIn(text); ok {
				parts[i] = part
			}
		}
		return w.name + ": " + strings.Join(parts, ",")
	case byTime:
		if t, ok := timeIn(value); ok {
			return fmt.Sprintf("%s: %s, which is %s, %s", w.name, value, t.UTC().Format(time.RFC3339), distance(e.Received.Sub(t)))
		}
	case byNothing:
	}
	return w.name + ": " + e.brief(value)
}

// faulty says what is wrong with the value of a header.
func (e *examination) faulty(w wanted, value string) string {
	switch {
	case w.role == bySecret:
		return w.name + " " + e.difference(w, value)
	case form(value) != form(w.sample):
		return fmt.Sprintf("%s is %s; wanted is %s", w.name, form(value), form(w.sample))
	case w.role == byNothing:
		return fmt.Sprintf("%s: %s is not what this source takes", w.name, e.brief(value))
	}
	return w.name + " is not what this source takes, beside the other headers"
}

// difference says how a credential differs from those that are configured, without showing any.
func (e *examination) difference(w wanted, value string) string {
	own := slices.DeleteFunc(slices.Clone(e.slots), func(s slot) bool { return !strings.EqualFold(s.key, w.name) })
	if len(own) == 0 { // the settings do not say which secret is for which header
		own = e.slots
	}
	known := append(secretsOf(own), w.sample)
	alike := func(change func(string) string) bool {
		return slices.ContainsFunc(known, func(k string) bool { return k != "" && change(k) == change(value) })
	}
	trim := func(s string) string { return strings.Trim(strings.TrimSpace(s), `"'`) }
	bare := func(s string) string {
		scheme, rest, ok := strings.Cut(trim(s), " ")
		if ok && (strings.EqualFold(scheme, "Basic") || strings.EqualFold(scheme, "Bearer")) {
			return rest
		}
		return trim(s)
	}
	decoded := func(s string) string {
		if text, err := base64.StdEncoding.DecodeString(bare(s)); err == nil {
			return string(text)
		}
		return bare(s)
	}
	switch {
	case slices.Contains(known, value):
		return "is configured, but not beside the other headers"
	case alike(trim):
		return "differs from a configured one in space or quotes around it only"
	case alike(func(s string) string { return strings.ToLower(trim(s)) }):
		return "differs from a configured one in upper and lower case only"
	case alike(bare):
		return "differs from a configured one in the word before it (Basic, Bearer) only"
	case alike(decoded):
		return "differs from a configured one in being base64 or not"
	}
	return "is none that is configured"
}

// form describes a text by its letters, without showing any but those before a signature.
func form(value string) string {
	trimmed := strings.TrimSpace(value)
	switch {
	case value == "":
		return "nothing"
	case trimmed != value:
		return "surrounded by space"
	case strings.Trim(value, `"'`) != value:
		return "in quotes"
	case strings.Contains(value, ","):
		return "several values, joined by a comma as proxies do with repeated headers"
	}
	if _, err := strconv.ParseUint(value, 10, 64); err == nil {
		return count(len(value), "digit")
	}
	before, text := prefixed(value)
	if before != "" {
		before += " and "
	}
	if len(text) >= 16 && strings.Trim(text, "0123456789abcdefABCDEF") == "" { // of any number: some may be cut off
		return before + count(len(text), "hex digit")
	}
	if raw := unbase64(text); len(raw) >= 16 {
		return before + count(len(text), "letter") + " of base64"
	}
	if strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" {
		return "letters, digits, or . _ -"
	}
	return count(len(value), "character") + ", some of them neither letters, digits, nor . _ -"
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// prefixed cuts what stands before a signature: the "sha256=" of sha256=….
func prefixed(value string) (before, rest string) {
	if at := strings.IndexByte(value, '='); at > 0 && at <= 10 && len(value) > at+16 {
		return value[:at+1], value[at+1:]
	}
	return "", value
}

func unbase64(text string) []byte {
	text = strings.TrimRight(text, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if raw, err := encoding.DecodeString(text); err == nil {
			return raw
		}
	}
	return nil
}

// respelled writes a signature in the form of a sample, whatever form it has; "" if it cannot be one of that length.
func respelled(value, sample string) string {
	prefix, of := prefixed(sample)
	_, text := prefixed(strings.Trim(strings.TrimSpace(value), `"'`))
	if want, err := hex.DecodeString(of); err == nil {
		for _, raw := range [][]byte{unhex(text), unbase64(text)} {
			if len(raw) == len(want) {
				return prefix + hex.EncodeToString(raw)
			}
		}
		return ""
	}
	want := unbase64(of)
	for _, raw := range [][]byte{unhex(text), unbase64(text)} {
		if len(raw) > 0 && len(raw) == len(want) {
			return prefix + base64.StdEncoding.EncodeToString(raw)
		}
	}
	return ""
}

func unhex(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

// shortened shows enough of a signature to compare it by eye.
func shortened(value string) string {
	before, text := prefixed(value)
	if len(text) < 16 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=-_") != "" {
		return form(value)
	}
	return before + text[:4] + "…" + text[len(text)-4:]
}

// brief is that of a value which may be a secret in the wrong place, even a short one.
func (e *examination) brief(value string) string {
	if value == string(e.Candidate) || slices.Contains(secretsOf(e.slots), value) {
		return redacted
	}
	return brief(value)
}

// brief shows what is short and plain, and of other texts their form.
func brief(value string) string {
	if len(value) <= 64 && form(value) != "" && strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" {
		return value
	}
	return form(value)
}

// timeIn reads Unix seconds or milliseconds.
func timeIn(value string) (time.Time, bool) {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		return time.Time{}, false
	case len(value) == 13:
		return time.UnixMilli(n), true
	case len(value) == 10:
		return time.Unix(n, 0), true
	}
	return time.Time{}, false
}

func distance(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 0:
		return (-d).String() + " after the arrival"
	case d == 0:
		return "the moment of the arrival"
	case d > 48*time.Hour:
		return count(int(d/(24*time.Hour)), "day") + " before the arrival"
	}
	return d.String() + " before the arrival"
}

// strangers are headers of providers that we do not speak, and of old schemes.
var strangers = [][2]string{
	{"X-Hub-Signature", "Meta's older signature, SHA-1, which is not taken as proof: X-Hub-Signature-256 should be beside it"},
	{"X-360dialog-Signature", "what 360dialog signs with"},
	{"X-Twilio-Signature", "what Twilio signs with"},
	{"Messagebird-Signature", "what Bird signs with"},
	{"Messagebird-Signature-Jwt", "what Bird signs with"},
	{"Ycloud-Signature", "what YCloud signs with"},
	{"Webhook-Signature", "a Standard Webhooks signature, such as Holdfast's own notifications have"},
}

// recognize looks for the signs of another provider.
func (e *examination) recognize() {
	ours := map[string]bool{}
	for _, w := range e.wanted {
		ours[w.name] = true
	}
	known := map[string]bool{}
	for _, d := range provider.List() {
		if d.Name == e.Dialect.Name {
			continue
		}
		var names []string
		foreign := false
		for _, w := range wantedBy(d, filled(reflect.ValueOf(d.Options())).Interface(), e.Received) {
			names = append(names, w.name)
			known[w.name] = true
			foreign = foreign || !ours[w.name]
		}
		there := func(name string) bool { return len(e.Header.Values(name)) > 0 }
		if foreign && !slices.ContainsFunc(names, func(n string) bool { return !there(n) }) {
			e.report.add(Bad, "header", "%s: this looks like a request of provider %s", strings.Join(names, ", "), d.Name)
			e.report.advise("This looks like a request of provider %s: compare the URL that was entered there with those of the sources.", d.Name)
		}
	}
	for _, s := range strangers {
		if len(e.Header.Values(s[0])) > 0 && !ours[s[0]] && !known[s[0]] {
			e.report.add(Note, "header", "%s is there: %s", s[0], s[1])
		}
	}
}
