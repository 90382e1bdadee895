package config

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"holdfast/ingress"
	"holdfast/internal/notify/sender"
	"holdfast/internal/notify/signedhttp"
	"holdfast/internal/optout"
	"holdfast/internal/provider"
	"holdfast/internal/signature"
	"holdfast/internal/webhook"
)

var update = flag.Bool("update", false, "rewrite the expected errors in testdata")

// options has a setting of each kind that providers may have.
type options struct {
	AppSecrets  []signature.Secret          `yaml:"app_secrets"`
	VerifyToken signature.Secret            `yaml:"verify_token"`
	AccessKeys  map[string]signature.Secret `yaml:"access_keys"`
	Algorithms  []string                    `yaml:"algorithms"`
	Skew        time.Duration               `yaml:"skew"`
	Answers     bool                        `yaml:"answers"`
	OptOut      optout.Options              `yaml:"opt_out"`
}

// believer is a provider that takes everybody at their word.
type believer struct{ options options }

func (believer) Evidence(http.Header) (webhook.Evidence, error)     { return webhook.Evidence{}, nil }
func (believer) Verify(webhook.Evidence, []byte, time.Time) error   { return nil }
func (believer) Peek([]byte) webhook.Peek                           { return webhook.Peek{} }
func (believer) Normalize([]byte, time.Time) (none []webhook.Event) { return none }
func (believer) Answer() (contentType, body string)                 { return "text/plain", "ok" }

func dialects() []provider.Dialect {
	construct := func(o any, insecure bool) (provider.Provider, error) {
		options := o.(*options)
		if len(options.AppSecrets)+len(options.AccessKeys) == 0 && !insecure {
			return nil, errors.New("app_secrets or access_keys is required, unless insecure is true")
		}
		return believer{*options}, nil
	}
	fresh := func() any { return &options{Skew: 5 * time.Minute} }
	return []provider.Dialect{
		{Name: "meta", Options: fresh, New: construct},
		{Name: "nxtele", Options: fresh, New: construct},
	}
}

const whsec = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

func known() Known { return Known{dialects(), []sender.Type{signedhttp.Type()}} }

func environment(name string) (string, bool) {
	value, ok := map[string]string{
		"EMPTY":    "",
		"SECRET":   "hunter2-hunter2",
		"WHSEC":    whsec,
		"PORT":     ":8443",
		"NUMBER":   "16",
		"YES":      "true",
		"PATIENCE": "20s",
		"INJECT":   "x\"\n    insecure: true\nsources: {y: {provider: meta}} # ${SECRET}",
	}[name]
	return value, ok
}

func parse(t *testing.T, file string) *Config {
	t.Helper()
	c, err := Parse("holdfast.yaml", []byte(file), known(), environment)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBad reads files that are wrong: testdata/*.txtar holds each with what is said about it, to the letter.
func TestBad(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no test data", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			story, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("holdfast.yaml", story.Files[0].Data, known(), environment)
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error() + "\n"
			if *update {
				story.Files = append(story.Files[:1], txtar.File{Name: "errors", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(story), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(story.Files[1].Data), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	for _, empty := range []string{"", "\n# nothing\n", "---\n", "ingress:\nsources:\ndestinations: {}\n", "\uFEFFmetrics: {}\n"} {
		c := parse(t, empty)
		want := &Config{
			Ingress: Ingress{
				Listen: ":8080", MaxBody: 4 << 20, MaxInFlight: 64 << 20, MaxConnections: 4096, Grouping: "on", Starts: 4,
				HeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
			},
			Spool:    Spool{Dir: "holdfast-spool", MaxBytes: 1 << 30},
			Metrics:  Metrics{Listen: ":9090"},
			Temporal: Temporal{TaskQueue: "holdfast"},
			State:    State{URL: "sqlite:holdfast.db"},
			Storage:  Storage{Threshold: 256 << 10},
			Dedupe:   240 * time.Hour,
			Attempts: 72 * time.Hour,
		}
		c.Destinations = nil // empty or absent is the same
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("%q: %s", empty, diff)
		}
		if err := c.RequireSources(); err == nil {
			t.Error("an ingress without sources must not start")
		}
	}
}

func TestWhole(t *testing.T) {
	c := parse(t, `
ingress: {listen: "127.0.0.1:80", max_body: 500KB, max_in_flight: 1GiB, max_connections: 16, grouping: off, starts: 2, header_timeout: 1s, read_timeout: 1m, idle_timeout: 1h}
spool: {dir: /var/spool/holdfast, max_bytes: 16MiB}
metrics: {listen: ":9999"}
codec: {listen: ":8888", origins: ["https://temporal.example.com", "http://localhost:8233"]}
temporal: {address: "temporal:7233", namespace: shop, profile: prod, task_queue: hooks}
state: {url: "postgres://holdfast:${SECRET}@db/holdfast"}
storage: {s3: {endpoint: "http://minio:9000", region: eu-1, bucket: hooks, prefix: "a/b", access_key: key, secret_key: "${SECRET}", path_style: true}, threshold: 1MiB}
dedupe: 192h
sources:
  meta-main:
    provider: meta
    app_secrets: ["${SECRET}", 'old']
    verify_token: |-
      a token
    answers: true
    opt_out: {stop: [Genug, "${SECRET}", no], resume: [wieder]}
  360: {provider: "nxtele", access_keys: {demoKey: "${SECRET}"}, algorithms: [sha256], skew: 1m, path: nx-8c1f~, max_body: 8192}
  open: {provider: meta, insecure: true}
destinations:
  crm: {url: "https://crm.example.com/hooks?x=1", secret: "${WHSEC}", events: ["account.*", contact.marketing_stopped], retry: {timeout: 1m, for: 720h}, concurrency: 1}
  rest: {url: "http://127.0.0.1:1/all", private: true, secrets: ["${WHSEC}", "${WHSEC}"], default: true}
  some: {url: "https://example.com/some", secret: "${WHSEC}", events: ["*", "!message.*"], sources: [meta-main, open], accounts: ["4711"], phones: ["15550001111"], severities: [critical], labels: {team: payments}, when: "!event.test"}
accounts:
  4711: {tenant: acme, labels: {team: payments}}
  "4712": {name: "Shop ${NUMBER}"}
`)
	want := &Config{
		Ingress: Ingress{
			Listen: "127.0.0.1:80", MaxBody: 500_000, MaxInFlight: 1 << 30, MaxConnections: 16, Grouping: "off", Starts: 2,
			HeaderTimeout: time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Hour,
		},
		Spool:    Spool{Dir: "/var/spool/holdfast", MaxBytes: 16 << 20},
		Metrics:  Metrics{Listen: ":9999"},
		Codec:    Codec{Listen: ":8888", Origins: []string{"https://temporal.example.com", "http://localhost:8233"}},
		Temporal: Temporal{Address: "temporal:7233", Namespace: "shop", Profile: "prod", TaskQueue: "hooks"},
		State:    State{URL: "postgres://holdfast:hunter2-hunter2@db/holdfast"},
		Storage: Storage{S3: S3{
			Endpoint: "http://minio:9000", Region: "eu-1", Bucket: "hooks", Prefix: "a/b", AccessKey: "key", SecretKey: "hunter2-hunter2", PathStyle: true,
		}, Threshold: 1 << 20},
		Dedupe: 192 * time.Hour, Attempts: 72 * time.Hour,
		Sources: map[string]Source{
			"meta-main": {Dialect: "meta", Path: "meta-main", MaxBody: 500_000, Provider: believer{options{
				AppSecrets: []signature.Secret{"hunter2-hunter2", "old"}, VerifyToken: "a token", Answers: true, Skew: 5 * time.Minute,
				OptOut: optout.Options{Stop: []string{"Genug", "hunter2-hunter2", "no"}, Resume: []string{"wieder"}},
			}}},
			"360": {Dialect: "nxtele", Path: "nx-8c1f~", MaxBody: 8192, Provider: believer{options{
				AccessKeys: map[string]signature.Secret{"demoKey": "hunter2-hunter2"}, Algorithms: []string{"sha256"}, Skew: time.Minute,
			}}},
			"open": {Dialect: "meta", Path: "open", MaxBody: 500_000, Insecure: true, Provider: believer{options{Skew: 5 * time.Minute}}},
		},
		Destinations: map[string]Destination{
			"crm": {
				Type: "http", Events: []string{"account.*", "contact.marketing_stopped"},
				Retry: Retry{Timeout: time.Minute, For: 720 * time.Hour}, Concurrency: 1, Parallel: 8,
				Options: &signedhttp.Options{URL: "https://crm.example.com/hooks?x=1", Secret: whsec},
			},
			"rest": {
				Type: "http", Default: true,
				Retry: Retry{Timeout: 15 * time.Second, For: 72 * time.Hour}, Concurrency: 32, Parallel: 8,
				Options: &signedhttp.Options{URL: "http://127.0.0.1:1/all", Private: true, Secrets: []signature.Secret{whsec, whsec}},
			},
			"some": {
				Type: "http", Events: []string{"*", "!message.*"}, Sources: []string{"meta-main", "open"}, Accounts: []string{"4711"},
				Phones: []string{"15550001111"}, Severities: []string{"critical"}, Labels: map[string]string{"team": "payments"}, When: "!event.test",
				Retry: Retry{Timeout: 15 * time.Second, For: 72 * time.Hour}, Concurrency: 32, Parallel: 8,
				Options: &signedhttp.Options{URL: "https://example.com/some", Secret: whsec},
			},
		},
		Accounts: map[string]Account{
			"4711": {Name: "4711", Tenant: "acme", Labels: map[string]string{"team": "payments"}},
			"4712": {Name: "Shop 16"},
		},
	}
	for name, source := range want.Sources { // each is made from the options that it is told to remember
		made := source.Provider.(believer).options
		source.Options = &made
		want.Sources[name] = source
	}
	// Compared as they are: they print as nothing, so a difference would not be seen in what is printed.
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(believer{}), plainly); diff != "" {
		t.Error(diff)
	}
	if err := c.RequireSources(); err != nil {
		t.Error(err)
	}
}

var plainly = cmp.Transformer("plainly", func(s signature.Secret) string { return string(s) })

// What is accepted here is what the ingress accepts, to the byte.
func TestInFlightIsTheRuleOfTheIngress(t *testing.T) {
	opens := func(body, inFlight Size) bool {
		_, err := ingress.New(ingress.Config{
			Starter: nobody{}, MaxInFlight: int64(inFlight),
			Sources: map[string]ingress.Source{"a": {Name: "a", Provider: believer{}, MaxBody: int64(body)}},
		})
		return err == nil
	}
	for _, body := range []Size{kib, 8*kib - 1, 8 * kib, 64*kib - 1, 64 * kib, 64*kib + 1, 100_001, 100_002, 100_003, 4 * mib, 64 * mib} {
		need := inFlight(body)
		if !opens(body, need) || opens(body, need-1) {
			t.Errorf("%v: %d is not just enough", body, need)
		}
		for inFlight, want := range map[Size]bool{need: true, need - 1: false} {
			file := fmt.Sprintf("ingress: {max_body: 1KiB, max_in_flight: %d}\nsources: {a: {provider: meta, insecure: true, max_body: %d}}", inFlight, body)
			if _, err := Parse("holdfast.yaml", []byte(file), known(), environment); (err == nil) != want {
				t.Errorf("%v in %d: %v", body, inFlight, err)
			}
		}
	}
}

// nobody makes nothing durable.
type nobody struct{}

func (nobody) Start(context.Context, webhook.Webhook, webhook.Peek) error { return nil }

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	absolute := write("absolute", "a\n")
	write("relative", "b: 1 # ${SECRET}\r\n")
	path := write("holdfast.yaml", fmt.Sprintf("sources: {m: {provider: meta, app_secrets: ['${file:%s}', '${file:relative}']}}", absolute))
	c, err := Load(path, known(), environment)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Sources["m"].Provider.(believer).options.AppSecrets
	if diff := cmp.Diff([]signature.Secret{"a", "b: 1 # ${SECRET}"}, got, plainly); diff != "" {
		t.Error(diff)
	}
	if _, err := Load(filepath.Join(dir, "absent.yaml"), known(), environment); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]string{
		"4MiB": "4MiB", "1024": "1KiB", "500KB": "500000", "500 KB": "500000", "1GB": "1000000000", "2GiB": "2GiB", "7B": "7", "0": "0", "-1KiB": "-1KiB",
		"": "error", "MiB": "error", "4mib": "error", "1.5MiB": "error", "9223372036854775807KiB": "error", "99999999999999999999": "error", "4 M": "error",
	} {
		got, err := parseSize(text)
		if s := got.String(); err == nil && s != want || err != nil && want != "error" {
			t.Errorf("%q is %s, %v; want %s", text, s, err, want)
		}
	}
}
