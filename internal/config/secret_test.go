package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

func TestExpand(t *testing.T) {
	r := &reader{env: environment}
	for text, want := range map[string]string{
		"":                      "",
		"plain $ {text} $5":     "plain $ {text} $5",
		"${NUMBER}":             "16",
		"a${NUMBER}b${NUMBER}c": "a16b16c",
		"$${NUMBER}":            "${NUMBER}",
		"$$${NUMBER}":           "$${NUMBER}",
		"$${${NUMBER}":          "${16",
		"x$${":                  "x${",
		"${EMPTY}":              "",
		"${PORT}$":              ":8443$",
	} {
		if got, err := r.expand(text); err != nil || got != want {
			t.Errorf("expand(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

// TestExpansionStaysOneValue feeds text that would be YAML, and a variable, had it been put in before the file was read.
func TestExpansionStaysOneValue(t *testing.T) {
	c := parse(t, `
ingress:
  listen: ${PORT}
  starts: ${NUMBER}
sources:
  m: {provider: meta, app_secrets: ["${INJECT}"], answers: "${YES}"}
destinations:
  d: {url: "https://example.com", secret: "${WHSEC}", default: "${YES}", retry: {timeout: "${PATIENCE}"}, concurrency: "${NUMBER}"}
`)
	inject, _ := environment("INJECT")
	made := c.Sources["m"].Provider.(believer).options
	if len(c.Sources) != 1 || c.Sources["m"].Insecure || string(made.AppSecrets[0]) != inject {
		t.Errorf("got %v with %q", c, string(made.AppSecrets[0]))
	}
	d := c.Destinations["d"]
	if c.Ingress.Listen != ":8443" || c.Ingress.Starts != 16 || !made.Answers || !d.Default || d.Retry.Timeout != 20*time.Second || d.Concurrency != 16 {
		t.Errorf("got %+v, %+v, %+v", c.Ingress, made, d)
	}
}

// TestSecretsStaySecret puts a secret into every place of a file, by itself, broken, and through a variable, and looks
// for it in what is said.
func TestSecretsStaySecret(t *testing.T) {
	const secret = "hunter2-hunter2"
	template := `
ingress: {listen: "1", max_body: 2, starts: 3, read_timeout: 4}
codec: {listen: 5, origins: [6]}
temporal: {address: 7}
state: {url: 8}
storage: {dir: Y, s3: {endpoint: Z, bucket: a, prefix: b, access_key: c, secret_key: d, path_style: e}}
dedupe: 9
sources:
  m: {provider: A, path: B, insecure: C, max_body: D, app_secrets: [E], verify_token: F, access_keys: {k: G}, skew: H}
  n: {provider: meta, path: I, insecure: J, max_body: K, app_secrets: [L], verify_token: M, access_keys: {k: N}, skew: O, answers: P}
destinations:
  d: {url: Q, secret: R, secrets: [S], events: [T], default: U, retry: {timeout: V, for: W}, concurrency: X}
  e: {headers: {H: f}, tls: {ca: g, cert: h, key: i, server_name: j}, proxy: k, private: l, handshake: {origin: m, rate: n}, format: o, batch: p}
`
	for _, value := range []string{
		secret, `"` + secret, `"\x` + secret + `"`, `"` + secret + `\q"`, "'" + secret, "[" + secret, "{" + secret, "{" + secret + "}: 1",
		"@" + secret, "`" + secret, "%" + secret, "!" + secret, "!!int " + secret, "&" + secret, "*" + secret, "|" + secret, "> " + secret,
		"${SECRET}", `"${SECRET}"`, "${SECRET", "${" + secret + "}", `"${` + secret + `}"`, `"${file:${SECRET}}"`, `"https://u:${SECRET}@host:port/"`,
		`"https://u:${SECRET}@host/"`, `"https://host/${SECRET}#x"`, `"whsec_${SECRET}"`, `"postgres://u:${SECRET}@h:x/"`, secret + ": " + secret, "- " + secret, "? " + secret,
	} {
		for _, place := range "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop" {
			file := replaceOnce(template, place, value)
			_, err := Parse("holdfast.yaml", []byte(file), known(), environment)
			if err == nil {
				t.Fatalf("no error for %s", file)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("value %s in place %c:\n%v", value, place, err)
			}
		}
	}
}

// replaceOnce puts a value where a place stands alone as one.
func replaceOnce(template string, place rune, value string) string {
	for _, before := range []string{": ", "[", `"`} {
		for _, after := range []string{",", "]", "}", "\n", `"`} {
			old := before + string(place) + after
			if strings.Contains(template, old) {
				if before == `"` {
					before, after = "", ""
				}
				return strings.Replace(template, old, before+value+after, 1)
			}
		}
	}
	panic("no such place: " + string(place))
}

func TestPrintsNoSecret(t *testing.T) {
	c := parse(t, `
state: {url: "postgres://u:hunter2-hunter2@db/x"}
sources:
  m: {provider: meta, app_secrets: ["hunter2-hunter2"], path: hunter2-hunter2}
destinations:
  d: {url: "https://example.com/hunter2-hunter2", secret: "`+whsec+`", default: true, headers: {X: hunter2-hunter2}, proxy: "http://u:hunter2-hunter2@proxy.example.com"}
`)
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("read", "config", c, "value", *c, "source", c.Sources["m"], "destination", c.Destinations["d"], "state", c.State)
	}
	for _, verb := range []string{"%v", "%+v", "%s", "%q"} {
		fmt.Fprintf(&log, verb+verb+verb+verb+verb+"\n", c, *c, c.Sources, c.Destinations, c.State)
	}
	if err := json.NewEncoder(&log).Encode(c.Destinations); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), whsec[6:]) {
		t.Error(log.String())
	}
	if got, want := c.String(), "sources: m (meta); destinations: d"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.txtar")
	for _, path := range paths {
		if story, err := txtar.ParseFile(path); err == nil {
			f.Add(story.Files[0].Data)
		}
	}
	f.Add([]byte("sources: {m: {provider: meta, app_secrets: ['${SECRET}']}}\ndestinations: {d: {url: 'https://x', secret: '${WHSEC}', events: ['*']}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("file:")) {
			t.Skip() // whatever is on this machine
		}
		c, err := Parse("holdfast.yaml", data, known(), environment)
		if (c == nil) != (err != nil) {
			t.Fatal(c, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") && !bytes.Contains(data, []byte("hunter2")) {
			t.Fatal(err)
		}
	})
}
