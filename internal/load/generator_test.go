package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/notify/signedhttp"
	"holdfast/internal/provider"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

const (
	testSecret     = "key:secret"
	standardSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

var now = time.Unix(1_790_000_000, 0)

func generator(t testing.TB, options Options) *Generator {
	t.Helper()
	g, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func only(k Kind) Mix {
	var m Mix
	m[k] = 1
	return m
}

// TestTold is the way of every kind: signed as the provider does, verified and normalized by our provider, told over
// HTTP, and recognized by the sink, each update once.
func TestTold(t *testing.T) {
	t.Parallel()
	want := map[Kind]webhook.Type{
		Ban: webhook.AccountBanned, Reinstated: webhook.AccountReinstated, Stop: webhook.ContactMarketingStopped, Unknown: webhook.Unrecognized,
	}
	for _, dialect := range Dialects() {
		for _, kind := range Kinds() {
			t.Run(dialect+"/"+kind.String(), func(t *testing.T) {
				t.Parallel()
				const run = 123456
				key, err := signature.ParseStandardKey(standardSecret)
				if err != nil {
					t.Fatal(err)
				}
				sink := NewSink(run, key)
				server := httptest.NewServer(sink)
				t.Cleanup(server.Close)
				set, err := notify.New(map[string]config.Destination{
					"crm": {Options: &signedhttp.Options{URL: signature.Secret(server.URL + "/crm"), Secret: standardSecret, Private: true}},
				}, notify.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(set.Close)
				g := generator(t, Options{Dialect: dialect, Run: run, Mix: only(kind), Batch: 3, First: 70})
				w := g.Next(now)
				body := g.AppendBody(nil, w)
				if !json.Valid(body) {
					t.Fatalf("no JSON: %s", body)
				}
				if !bytes.Equal(body, g.AppendBody([]byte("x"), w)[1:]) {
					t.Error("the body is another one the second time")
				}
				for i, e := range events(t, dialect, body) {
					if typ, ok := want[kind]; ok && e.Type != typ {
						t.Errorf("event %d is %s, want %s", i, e.Type, typ)
					}
					e.ID = fmt.Sprintf("evt_%d", i)
					if err := set.Tell(t.Context(), "crm", []webhook.Telling{{Event: e}}); err != nil {
						t.Fatal(err)
					}
				}
				crm := sink.Destination("crm")
				for n := w.First - 1; n <= w.First+uint32(w.Updates); n++ {
					want := Told{Arrived: 1, Answered: 1}
					if n < w.First || n == w.First+uint32(w.Updates) {
						want = Told{}
					}
					got := crm.Told(n)
					got.First = time.Time{}
					if got != want {
						t.Errorf("update %d: %+v, want %+v", n, got, want)
					}
				}
				if n := crm.Strange(); n > 0 || crm.Known() != int(w.Updates) {
					t.Errorf("%d of %d updates came, %d strangers", crm.Known(), w.Updates, n)
				}
			})
		}
	}
}

// events is what our own provider understands of a body that was signed with the test's secret.
func events(t *testing.T, dialect string, body []byte) []webhook.Event {
	t.Helper()
	signer, err := NewSigner(dialect, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	p := signer.(provider.Provider)
	evidence, err := p.Evidence(signer.Sign(body, now))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(evidence, body, now); err != nil {
		t.Fatal(err)
	}
	out := p.Normalize(body, now)
	for _, e := range out {
		if !e.Time.Equal(now) {
			t.Errorf("%s happened at %s, want %s", e.Type, e.Time, now)
		}
	}
	return out
}

// A short run has every kind of its mix.
func TestMixOfFew(t *testing.T) {
	t.Parallel()
	for run := range 1000 {
		g := generator(t, Options{Dialect: "meta", Run: Run(run), Mix: Mix{Status: 4, Message: 1, Ban: 1, Reinstated: 1, Stop: 1, Unknown: 1}})
		seen := map[Kind]int{}
		for range 40 {
			seen[g.Next(now).Kind]++
		}
		if len(seen) != 6 || seen[Message] < 3 || seen[Status] < 16 {
			t.Fatalf("run %d has %v", run, seen)
		}
	}
}

func TestMix(t *testing.T) {
	t.Parallel()
	m, err := ParseMix("status=97, ban=1,stop=2")
	if err != nil {
		t.Fatal(err)
	}
	g := generator(t, Options{Dialect: "meta", Mix: m})
	const n = 100_000
	got := map[Kind]int{}
	next := uint32(0)
	for range n {
		w := g.Next(now)
		got[w.Kind]++
		if w.First != next || w.Updates != 1 || w.At != now.Unix() {
			t.Fatalf("%+v, want the update %d", w, next)
		}
		next++
	}
	for kind, share := range map[Kind]float64{Status: .97, Ban: .01, Stop: .02} {
		if p := float64(got[kind]) / n; math.Abs(p-share) > .003 {
			t.Errorf("%s: %.4f of all, want %.2f", kind, p, share)
		}
	}
	if len(got) != 3 || g.Made() != n {
		t.Errorf("%d made: %v", g.Made(), got)
	}
	if again, err := ParseMix(m.String()); err != nil || again != m {
		t.Errorf("%s reads as %s: %v", m, again, err)
	}
	for _, bad := range []string{"", "status", "status=x", "status=-1", "status=NaN", "letter=1", "status=0", "status=1,,"} {
		if m, err := ParseMix(bad); err == nil {
			t.Errorf("%q reads as %s", bad, m)
		}
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]int{Status: 7, Message: 7, Big: 1000, Ban: 1, Reinstated: 1, Stop: 7, Unknown: 1} {
		for _, dialect := range Dialects() {
			g := generator(t, Options{Dialect: dialect, Mix: only(kind), Batch: 7})
			w := g.Next(now)
			body := g.AppendBody(nil, w)
			if got := len(events(t, dialect, body)); got != want || int(w.Updates) != want || g.Made() != uint32(want) {
				t.Errorf("%s/%s: %d events of %d updates, want %d", dialect, kind, got, w.Updates, want)
			}
			if kind == Big && (len(body) < 2_700_000 || len(body) > 3_200_000) {
				t.Errorf("%s: a big webhook has %d bytes", dialect, len(body))
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []Options{{}, {Dialect: "x"}, {Dialect: "meta", Batch: -1}, {Dialect: "meta", Batch: 1001}, {Dialect: "meta", Pool: Pool{Phones: -1}}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	for dialect, secret := range map[string]signature.Secret{"meta": "", "nxtele": "nocolon", "x": "s"} {
		if _, err := NewSigner(dialect, secret); err == nil {
			t.Errorf("%s with that secret is taken", dialect)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	const run = Run(42)
	for text, want := range map[string][]uint32{
		`{"id":"wamid.HBgN900004200000007FQ=="}`:              {7},
		`900004200000007`:                                     {7},
		`"900004299999999","900004200000007"`:                 {7, 99_999_999},
		`"900004200000007","900004200000007"`:                 {7},
		`"1900004200000007" "9000042000000071"`:               nil, // digits of something longer
		`"90000420000000"`:                                    nil, // and shorter
		`"900004300000007"`:                                   nil, // of another run
		`9000042`:                                             nil,
		`9000042900004200000007`:                              nil,
		`evt_564d97efee6033819c369d43e8087835 "9000042000x7"`: nil,
	} {
		got := run.find([]byte(text), nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	if got := run.find(run.appendToken(nil, 12_345_678), nil); !slices.Equal(got, []uint32{12_345_678}) {
		t.Errorf("what was written reads as %v", got)
	}
}

// BenchmarkSigned is a webhook from the thought to the headers: one core must make more than any system is sent.
func BenchmarkSigned(b *testing.B) {
	for _, dialect := range Dialects() {
		b.Run(dialect, func(b *testing.B) {
			g := generator(b, Options{Dialect: dialect})
			signer, err := NewSigner(dialect, testSecret)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				body := g.AppendBody(nil, g.Next(now))
				signer.Sign(body, now)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "webhooks/s")
		})
	}
}
