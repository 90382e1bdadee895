package diagnosis

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"holdfast/internal/provider"
	"holdfast/internal/signature"
)

// A variant is something of the request, or of its source, changed in one way. What costs nothing is as it is.
type variant[T any] struct {
	value  T
	cost   int
	how    string // it would verify …
	advice string
}

// A finding is a set of changes with which a request verifies.
type finding struct {
	header variant[http.Header]
	secret variant[provider.Provider]
	body   variant[[]byte]
	at     variant[time.Time]
}

func (f finding) how() string {
	return strings.Join(f.texts(f.secret.how, f.header.how, f.body.how, f.at.how), ", and ")
}

func (f finding) advice() []string {
	list := f.texts(f.secret.advice, f.header.advice, f.body.advice, f.at.advice)
	return slices.Compact(list)
}

func (f finding) texts(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// furthest is how many changes are tried together. A file that an editor has saved and a wrong secret are two already.
const furthest = 3

// mostHeaders bounds in how many ways the headers of a request are changed.
const mostHeaders = 200

// search looks for the least change with which the request verifies.
func (e *examination) search() (finding, bool) {
	headers, secrets, bodies, times := e.headers(), e.secrets(), e.bodies(), e.times()
	for cost := 1; cost <= furthest; cost++ {
		for _, s := range secrets {
			for _, h := range headers {
				for _, at := range times {
					for _, b := range bodies {
						if s.cost+h.cost+at.cost+b.cost != cost {
							continue
						}
						if e.effort < 0 {
							e.report.add(Note, "tried", "not every change was tried, as the body is large")
							return finding{}, false
						}
						if e.holds(s.value, h.value, b.value, at.value) {
							return finding{h, s, b, at}, true
						}
					}
				}
			}
		}
	}
	if e.signs() && e.evidence.Headers != nil {
		e.report.add(Bad, "tried", "it does not verify with any of %d other readings of the body, nor %d other secrets or spellings of them, nor %d other headers",
			len(bodies)-1, len(secrets)-1, len(headers)-1)
	}
	return finding{}, false
}

// headers are the request's, and with one of them read or written in another way.
func (e *examination) headers() []variant[http.Header] {
	list := []variant[http.Header]{{value: e.Header}}
	with := func(w wanted, value, how, advice string) {
		if len(list) > mostHeaders { // each is a copy of all of them
			return
		}
		h := e.Header.Clone()
		h[w.name] = []string{value}
		list = append(list, variant[http.Header]{value: h, cost: 1, how: how, advice: advice})
	}
	const changed = "Look for a proxy or gateway that changes headers, or a sender that does not sign exactly like the provider."
	for _, w := range e.wanted {
		own := e.Header.Values(w.name)
		for _, value := range own {
			if len(own) > 1 {
				with(w, value, "if "+w.name+" were there once", changed)
			}
			if w.role == bySecret {
				continue
			}
			for part := range strings.SplitSeq(value, ",") {
				part = strings.Trim(strings.TrimSpace(part), `"'`)
				if part != value {
					with(w, part, "if "+w.name+" were "+form(w.sample)+" and nothing else", changed)
				}
				if text := respelled(part, w.sample); w.role == bySignature && text != "" && text != part {
					with(w, text, fmt.Sprintf("if %s were %s (it is %s)", w.name, form(w.sample), form(value)), changed)
				}
			}
		}
		switch w.role {
		case byNothing:
			if e.Header.Get(w.name) != w.sample {
				with(w, w.sample, "if "+w.name+" were "+brief(w.sample), "Have the sender name in "+w.name+" what it signs with.")
			}
		case bySignature:
			for _, name := range slices.Sorted(maps.Keys(e.Header)) {
				for _, value := range e.Header[name] {
					if text := respelled(value, w.sample); text != "" && name != w.name {
						with(w, text, "if what "+name+" holds were in "+w.name, "Look for a proxy or gateway that renames headers.")
					}
				}
			}
		case bySecret, byTime:
		}
	}
	return list
}

// secrets are the provider as it is, and with other secrets.
func (e *examination) secrets() []variant[provider.Provider] {
	list := []variant[provider.Provider]{{value: e.provider}}
	if !e.signs() {
		return list
	}
	add := func(cost int, how, advice string, change func(slot) signature.Secret) {
		if p, err := e.with(change); err == nil {
			list = append(list, variant[provider.Provider]{value: p, cost: cost, how: how, advice: advice})
		}
	}
	var signing []slot
	for _, s := range e.slots {
		if e.effective(s) {
			signing = append(signing, s)
		}
	}
	all := func(secret signature.Secret) func(slot) signature.Secret { // puts it wherever one signs
		return func(o slot) signature.Secret {
			if slices.Contains(signing, o) {
				return secret
			}
			return o.secret
		}
	}
	if c := e.Candidate; c != "" {
		add(1, "with the secret that you gave", "Put the secret that you gave into the settings of the source, beside the one that is there if both are in use.", all(c))
		for _, s := range spellings(c) {
			add(2, "with the secret that you gave "+s.how, "The secret that you gave is the right one, but is signed with "+s.how+".", all(s.secret))
		}
	}
	for _, s := range e.slots {
		add(1, "with "+s.name+" as the secret that signs", "The sender signs with what is configured as "+s.name+", which is not meant for that: give it the right secret.", all(s.secret))
		if !slices.Contains(signing, s) {
			continue
		}
		for _, o := range spellings(s.secret) {
			add(1, "with "+s.name+" "+o.how, "Configure "+s.name+" "+o.how+", if that is what the provider shows; otherwise mend the sender.", puts(s, o.secret))
		}
	}
	return list
}

// bodies are the body as it is, and what it may have been when it was signed.
func (e *examination) bodies() []variant[[]byte] {
	const advice = "What Holdfast gets must be the bytes that were sent, each of them: look for a proxy, gateway, function or middleware before it that reads the " +
		"body and writes it anew. If it is only your copy that was changed while it was saved, ask again with the bytes as they were received."
	list := []variant[[]byte]{{value: e.Body}}
	if !e.signs() {
		return list
	}
	for _, r := range e.Other {
		list = append(list, variant[[]byte]{r.Body, 1, "over " + r.How, "Send the body as it is in the file."})
	}
	for _, r := range readings(e.Body) {
		list = append(list, variant[[]byte]{r.body, r.steps, "over the body " + r.how, advice})
	}
	return list
}

// times are the arrival, and the time that the request names.
func (e *examination) times() []variant[time.Time] {
	list := []variant[time.Time]{{value: e.Received}}
	for _, w := range e.wanted {
		if t, ok := timeIn(e.Header.Get(w.name)); ok && w.role == byTime {
			list = append(list, variant[time.Time]{
				t, 1, "had it arrived at the time that " + w.name + " names",
				"If that is when it arrived, ask again with --at. Otherwise compare the clocks, or allow more in the settings of the source.",
			})
		}
	}
	return list
}

// otherAlgorithms looks whether some header is an HMAC of the body, of whatever kind, with a secret that is known.
func (e *examination) otherAlgorithms() {
	secrets := slices.Clone(e.slots)
	if e.Candidate != "" {
		secrets = append(secrets, slot{name: "the secret that you gave", secret: e.Candidate})
	}
	for _, algorithm := range []struct {
		name string
		make func() hash.Hash
	}{{"SHA-1", sha1.New}, {"SHA-256", sha256.New}, {"SHA-512", sha512.New}, {"MD5", md5.New}} {
		for _, s := range secrets {
			h := hmac.New(algorithm.make, []byte(s.secret))
			h.Write(e.Body)
			sum := h.Sum(nil)
			for _, name := range slices.Sorted(maps.Keys(e.Header)) {
				_, text := prefixed(strings.TrimSpace(e.Header.Get(name)))
				if hmac.Equal(unhex(text), sum) || hmac.Equal(unbase64(text), sum) {
					e.report.add(Note, "tried", "%s is an HMAC with %s over this body with %s: secret and body belong together, but this is not the proof that is wanted", name, algorithm.name, s.name)
				}
			}
		}
	}
}
